"""What one does with tasks that are there."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from octo import kinds, options, waiting
from octo.commands.starting import cancel_all, end
from octo.failures import BadUsage, TimeOut
from octo.following import choices_of
from octo.output import Format, plain, say, show

TaskIds = Annotated[list[str], typer.Argument(help="Such as ServerTasks-7.", show_default=False)]
TaskId = Annotated[str, typer.Argument(help="Such as ServerTasks-7.", show_default=False)]


def follow(
    task: TaskIds,
    verbose: Annotated[bool, typer.Option("--verbose", help="With verbose lines.")] = False,
    timeout: options.Timeout = 0,
) -> None:
    """Show the log of tasks from its beginning, then as it is written, until they end."""
    with options.server() as server:
        until = time.monotonic() + timeout * 60 if timeout else None
        tasks = waiting.follow(server, task, verbose=verbose, until=until)
    raise typer.Exit(waiting.outcome(tasks))


def wait(
    task: TaskIds,
    timeout: options.Timeout = 0,
    cancel_on_timeout: options.CancelOnTimeout = False,
    output: options.Output = Format.TABLE,
) -> None:
    """Wait until tasks have ended."""
    until = time.monotonic() + timeout * 60 if timeout else None
    with options.server() as server:
        try:
            tasks = waiting.wait(server, task, until=until)
        except TimeOut:
            if cancel_on_timeout:
                cancel_all(server, task)
            raise
    show(tasks, output, kinds.TASK)
    raise typer.Exit(waiting.outcome(tasks))


def cancel(task: TaskIds) -> None:
    """Ask tasks to end."""
    with options.server() as server:
        cancel_all(server, task)


def rerun(
    task: TaskId,
    follow: options.Follow = False,
    wait: options.Wait = False,
    timeout: options.Timeout = 0,
    cancel_on_timeout: options.CancelOnTimeout = False,
    output: options.Output = Format.TABLE,
) -> None:
    """Run the same in the same place again, planned afresh."""
    with options.server() as server:
        again = server.post(f"tasks/rerun/{task}")
        end(server, [again["Id"]], follow, wait, timeout, cancel_on_timeout, output)


def log(task: TaskId) -> None:
    """Print the whole log of a task as it is now."""
    with options.server() as server:
        sys.stdout.write(plain(server.get(f"tasks/{task}/raw")))


def answer(
    interruption: Annotated[str, typer.Argument(help="Such as Interruptions-3.", show_default=False)],
    answer: Annotated[str, typer.Argument(help="For example Proceed, Abort, Retry.", show_default=False)],
    notes: Annotated[str, typer.Option("--notes", help="Why.")] = "",
) -> None:
    """Answer what a run asks."""
    with options.server() as server:
        asked = server.get(f"interruptions/{interruption}")
        choices = {choice.casefold(): choice for choice in choices_of(asked)}
        if answer.casefold() not in choices:
            raise BadUsage(f"{answer!r} is no answer to this. There are: {', '.join(choices.values())}.")
        chosen = choices[answer.casefold()]
        server.post(f"interruptions/{interruption}/submit", {"Result": chosen, "Notes": notes})
    say(f"{asked['Title']}: {chosen}.")
