"""How the draft of a runbook stands against its published snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services.snapshots import Frozen, freeze_draft


@dataclass(frozen=True)
class Draft:
    """`differs` is True too while nothing is published, as long as there is something to publish."""

    frozen: Frozen
    published: RunbookSnapshot | None

    @property
    def is_empty(self) -> bool:
        return not self.frozen.process["steps"]

    @property
    def step_count(self) -> int:
        return len(self.frozen.process["steps"])

    @property
    def process_differs(self) -> bool:
        return self.published is not None and self.published.process != self.frozen.process

    @property
    def variables_differ(self) -> bool:
        return self.published is not None and self.published.variables != self.frozen.variables

    @property
    def differs(self) -> bool:
        if self.published is None:
            return not self.is_empty
        return self.process_differs or self.variables_differ

    @property
    def what_differs(self) -> str:
        """ "Steps", "Variables" or "Steps and variables"."""
        words = [
            word
            for word, differs in (("steps", self.process_differs), ("variables", self.variables_differ))
            if differs
        ]
        return " and ".join(words).capitalize()


def draft_of(runbook: Runbook) -> Draft:
    published = (
        RunbookSnapshot.objects.filter(pk=runbook.published_id).first() if runbook.published_id else None
    )
    return Draft(freeze_draft(runbook), published)
