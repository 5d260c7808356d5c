"""What a step of each type is and does: one module for each type, registered here.

The other half of a type, its form, is in `processes.action_types`; what it does on the worker, unless it
is a script, in `programs`.
"""

from domain.step_types.base import (
    Fault,
    Program,
    Script,
    StepType,
    Text,
    Work,
    all_types,
    find,
    property_names,
    register,
)
from domain.step_types.deploying import DEPLOY, TRANSFER
from domain.step_types.email import EMAIL
from domain.step_types.http import HTTP
from domain.step_types.manual import MANUAL
from domain.step_types.migrations import MIGRATE
from domain.step_types.script import SCRIPT
from domain.step_types.sql import SQL
from domain.step_types.starting import DEPLOY_RELEASE, RUN_RUNBOOK

for one in (SCRIPT, SQL, MIGRATE, HTTP, DEPLOY, TRANSFER, MANUAL, EMAIL, RUN_RUNBOOK, DEPLOY_RELEASE):
    register(one)

__all__ = [
    "Fault", "Program", "Script", "StepType", "Text", "Work",
    "all_types", "find", "property_names", "register",
]  # fmt: skip
