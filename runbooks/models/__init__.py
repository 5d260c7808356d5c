from runbooks.models.runbook import Runbook, RunbookRun, RunbookSnapshot

__all__ = ["Runbook", "RunbookRun", "RunbookSnapshot"]
