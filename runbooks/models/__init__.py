from runbooks.models.runbook import Runbook, RunbookRun, RunbookSnapshot
from runbooks.models.trigger import ScheduledTrigger

__all__ = ["Runbook", "RunbookRun", "RunbookSnapshot", "ScheduledTrigger"]
