from processes.models.process import (
    Action,
    Condition,
    Location,
    OwnerKind,
    PoolChoice,
    Process,
    ProcessRevision,
    StartTrigger,
    Step,
)
from processes.models.template import ActionTemplate, ActionTemplateVersion

__all__ = [
    "Action",
    "ActionTemplate",
    "ActionTemplateVersion",
    "Condition",
    "Location",
    "OwnerKind",
    "PoolChoice",
    "Process",
    "ProcessRevision",
    "StartTrigger",
    "Step",
]
