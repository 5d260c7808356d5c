from processes.models.process import (
    Action,
    Location,
    OwnerKind,
    PoolChoice,
    Process,
    ProcessRevision,
    Step,
)

__all__ = ["Action", "Location", "OwnerKind", "PoolChoice", "Process", "ProcessRevision", "Step"]
