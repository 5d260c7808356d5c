"""What a task runs lives in a higher app; that app registers here what only it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from accounts.models import User
from domain.system_variables import RunFacts
from tasks.models import ServerTask
from tasks.services.options import Resume, Wishes


class Rerun(Protocol):
    def __call__(self, task: ServerTask, user: User, *, wishes: Wishes) -> ServerTask: ...


Facts = Callable[[ServerTask, RunFacts], RunFacts]


class CannotRerun(Exception):
    """The same cannot be started again, for a reason that is not the plan's; the text says why."""


@dataclass(frozen=True)
class _Subject:
    rerun: Rerun
    facts: Facts


_subjects: dict[str, _Subject] = {}


def register(subject_kind: str, *, rerun: Rerun, facts: Facts | None = None) -> None:
    """Called in an AppConfig's `ready`. `rerun` starts the same again: with a fresh plan, or where an
    earlier run is to be resumed, with that one's. `facts(task, facts)` adds what the system variables of
    the run should know."""
    _subjects[subject_kind] = _Subject(rerun, facts or (lambda task, facts: facts))


def rerun(task: ServerTask, user: User, *, resume: Resume | None = None) -> ServerTask:
    """Raises `CannotRerun`, `tasks.services.tasks.PlanHasErrors`, NotAllowed, or for a resume
    `tasks.services.resuming.CannotResume`."""
    if task.subject_kind not in _subjects:
        raise CannotRerun("What this task ran cannot be run again.")
    return _subjects[task.subject_kind].rerun(task, user, wishes=Wishes(resume=resume))


def add_facts(task: ServerTask, facts: RunFacts) -> RunFacts:
    subject = _subjects.get(task.subject_kind)
    return subject.facts(task, facts) if subject else facts
