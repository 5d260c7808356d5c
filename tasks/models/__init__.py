from tasks.models.artifact import Artifact, ArtifactState
from tasks.models.execution import LIVE, Attempt, AttemptState, Child, Execution, StepState
from tasks.models.flow import Interruption, InterruptionKind, LockHold, NamedLock, Pause, PauseMode
from tasks.models.log import LogArchive, LogChunk, TaskEvent
from tasks.models.node import Node
from tasks.models.output import OutputVariable
from tasks.models.settings import GuidedFailure, LockMode, Overlap, RunSettings
from tasks.models.task import ACTIVE, UNFINISHED, Kind, ServerTask, TaskState
from tasks.models.view import SavedView

__all__ = [
    "ACTIVE",
    "LIVE",
    "UNFINISHED",
    "Artifact",
    "ArtifactState",
    "Attempt",
    "AttemptState",
    "Child",
    "Execution",
    "GuidedFailure",
    "Interruption",
    "InterruptionKind",
    "Kind",
    "LockHold",
    "LockMode",
    "LogArchive",
    "LogChunk",
    "NamedLock",
    "Node",
    "OutputVariable",
    "Overlap",
    "Pause",
    "PauseMode",
    "RunSettings",
    "SavedView",
    "ServerTask",
    "StepState",
    "TaskEvent",
    "TaskState",
]
