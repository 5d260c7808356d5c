from tasks.models.execution import LIVE, Attempt, AttemptState, Execution, StepState
from tasks.models.log import LogChunk, TaskEvent
from tasks.models.task import ACTIVE, UNFINISHED, Kind, ServerTask, TaskState

__all__ = [
    "ACTIVE",
    "LIVE",
    "UNFINISHED",
    "Attempt",
    "AttemptState",
    "Execution",
    "Kind",
    "LogChunk",
    "ServerTask",
    "StepState",
    "TaskEvent",
    "TaskState",
]
