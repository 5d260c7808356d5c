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

__all__ = [
    "Action",
    "Condition",
    "Location",
    "OwnerKind",
    "PoolChoice",
    "Process",
    "ProcessRevision",
    "StartTrigger",
    "Step",
]
