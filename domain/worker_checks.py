"""What keeps a worker from being given work, and what to do about it: one check after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """A problem keeps all work away; a warning does not."""

    OK = "Ok"
    WARNING = "Warning"
    PROBLEM = "Problem"


@dataclass(frozen=True, slots=True)
class Check:
    """`advice` is empty where there is nothing to do."""

    name: str
    verdict: Verdict
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What is known of a worker. `health` is a word for people with its reason, empty where it is healthy;
    `seen` says how long ago it was heard of, empty for never; versions are texts."""

    is_revoked: bool
    is_connected: bool
    seen: str
    is_fit: bool
    health: str
    is_disabled: bool
    is_draining: bool
    places: tuple[str, ...]
    slots: int
    busy: int
    agent_version: str
    server_version: str
    shells: tuple[str, ...]


def checks(worker: WorkerState) -> list[Check]:
    """In the order in which one looks: what comes first explains what comes later."""
    return [*_contact(worker), _health(worker), *_decisions(worker), *_work(worker), *_programs(worker)]


def worst(found: list[Check]) -> Verdict:
    order = list(Verdict)
    return max((one.verdict for one in found), key=order.index, default=Verdict.OK)


def _contact(worker: WorkerState) -> Iterator[Check]:
    if worker.is_revoked:
        message = "Its key was revoked, so the server does not talk to it."
        yield Check("Key", Verdict.PROBLEM, message, "Enrol it again with a new code.")
    else:
        yield Check("Key", Verdict.OK, "Its key is known.")
    if worker.is_connected:
        yield Check("Connection", Verdict.OK, "The agent is connected.")
        return
    seen = f"was last heard of {worker.seen}" if worker.seen else "has never connected"
    advice = "See that the agent runs on the machine and reaches this server's address; its log says why not."
    yield Check("Connection", Verdict.PROBLEM, f"The agent {seen}.", advice)


def _health(worker: WorkerState) -> Check:
    if not worker.health:
        return Check("Health", Verdict.OK, "It is healthy.")
    verdict = Verdict.WARNING if worker.is_fit else Verdict.PROBLEM
    return Check("Health", verdict, worker.health)


def _decisions(worker: WorkerState) -> Iterator[Check]:
    if worker.is_disabled:
        yield Check("Enabled", Verdict.PROBLEM, "Somebody disabled it.", "Enable it on its page.")
    else:
        yield Check("Enabled", Verdict.OK, "It is enabled.")
    if worker.is_draining:
        message = "It finishes what it runs and takes nothing new."
        yield Check("Draining", Verdict.PROBLEM, message, "End the draining on its page.")


def _work(worker: WorkerState) -> Iterator[Check]:
    if worker.places:
        yield Check("Places", Verdict.OK, f"It works for {', '.join(worker.places)}.")
    else:
        message = "It is in no worker pool and in no environment, so no step is meant for it."
        yield Check("Places", Verdict.PROBLEM, message, "Put it into a pool.")
    free = max(worker.slots - worker.busy, 0)
    words = f"{worker.busy} of {worker.slots} slots are busy."
    full = Check(
        "Slots", Verdict.WARNING, words, "Steps wait until one is free; give it more, or add a worker."
    )
    yield full if not free else Check("Slots", Verdict.OK, words)


def _programs(worker: WorkerState) -> Iterator[Check]:
    if worker.agent_version and worker.agent_version != worker.server_version:
        message = f"The agent is {worker.agent_version}, the server {worker.server_version}."
        yield Check("Version", Verdict.WARNING, message, "Install the agent that this server offers.")
    elif worker.agent_version:
        yield Check("Version", Verdict.OK, f"The agent is {worker.agent_version}, as the server.")
    if worker.shells:
        yield Check("Shells", Verdict.OK, f"It has {', '.join(worker.shells)}.")
    elif worker.is_connected:
        yield Check("Shells", Verdict.WARNING, "It has none of the shells that scripts are written for.")
