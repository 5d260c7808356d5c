"""One factory per model, with as little in it as the model demands. Everything lands in the default
space unless `space=` says otherwise; scenarios are built through services."""

from tests.factories.accounts import PASSWORD, EventFactory, UserFactory
from tests.factories.environments import EnvironmentFactory
from tests.factories.packages import push_package
from tests.factories.pools import DefaultPoolFactory, WorkerPoolFactory
from tests.factories.processes import ActionFactory, ProcessFactory, StepFactory
from tests.factories.projects import (
    ChannelFactory,
    DeploymentFactory,
    ProjectFactory,
    ReleaseFactory,
    TenantLinkFactory,
)
from tests.factories.runbooks import RunbookFactory, RunbookRunFactory, RunbookSnapshotFactory
from tests.factories.spaces import DefaultSpaceFactory, SpaceFactory
from tests.factories.tasks import (
    AttemptFactory,
    ExecutionFactory,
    NodeFactory,
    ServerTaskFactory,
    TaskEventFactory,
)
from tests.factories.tenants import TagFactory, TagSetFactory, TenantFactory
from tests.factories.variables import (
    AccountFactory,
    CertificateFactory,
    LibraryVariableSetFactory,
    ScopeValueFactory,
    TenantValueFactory,
    VariableFactory,
    VariableSetFactory,
    VariableTemplateFactory,
)
from tests.factories.workers import EnrolmentCodeFactory, MachineFactory, TargetFactory

__all__ = [
    "PASSWORD",
    "AccountFactory",
    "ActionFactory",
    "AttemptFactory",
    "CertificateFactory",
    "ChannelFactory",
    "DefaultPoolFactory",
    "DefaultSpaceFactory",
    "DeploymentFactory",
    "EnrolmentCodeFactory",
    "EnvironmentFactory",
    "EventFactory",
    "ExecutionFactory",
    "LibraryVariableSetFactory",
    "MachineFactory",
    "NodeFactory",
    "ProcessFactory",
    "ProjectFactory",
    "ReleaseFactory",
    "RunbookFactory",
    "RunbookRunFactory",
    "RunbookSnapshotFactory",
    "ScopeValueFactory",
    "ServerTaskFactory",
    "SpaceFactory",
    "StepFactory",
    "TagFactory",
    "TagSetFactory",
    "TargetFactory",
    "TaskEventFactory",
    "TenantFactory",
    "TenantLinkFactory",
    "TenantValueFactory",
    "UserFactory",
    "VariableFactory",
    "VariableSetFactory",
    "VariableTemplateFactory",
    "WorkerPoolFactory",
    "push_package",
]
