"""Every page, walked: who may see it, and that looking at it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import api_keys
from domain.schedules import Schedule, ScheduleKind
from domain.step_templates import Template
from environments.models import Environment
from environments.services import lifecycles
from octoworkers.demo.seed import seed
from pools.models import WorkerPool
from processes.action_types import all_types
from processes.models import Step
from processes.services import templates
from projects.models import Channel, Project
from projects.services import project_groups, project_variables
from runbooks.models import Runbook
from runbooks.services import runs, triggers
from runbooks.services.triggers import TriggerFields
from tasks.services import artifacts
from tests.factories import (
    AccountFactory,
    AttemptFactory,
    CertificateFactory,
    EnrolmentCodeFactory,
    MachineFactory,
    NodeFactory,
    TagFactory,
    TargetFactory,
    TenantFactory,
    VariableFactory,
    VariableTemplateFactory,
    push_package,
)
from variables.models import Variable
from variables.services import library

#: What strangers may see: the page to sign in, the agent program, which holds no secrets, and the root of the
#: API, which says its version.
PUBLIC = {"login", "agent_download", "api_root"}
REFUSALS = {302, 401, 403, 404, 405}
#: Words in the names of addresses that act, and so answer to POST alone.
ACTING = frozenset(
    {
        "cancel",
        "rerun",
        "resume",
        "answer",
        "take",
        "publish",
        "logout",
        "action",
        "reorder",
        "order",
        "clone",
        "enable",
        "disable",
    }
)


@dataclass(frozen=True)
class Page:
    """`parameters` are the names in its address."""

    name: str
    route: str
    parameters: tuple[str, ...]


def pages() -> list[Page]:
    return sorted(set(_walk(get_resolver().url_patterns, "")), key=lambda page: page.route)


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Page]:
    for one in patterns:
        route = f"{prefix}{one.pattern}"
        if isinstance(one, URLResolver):
            if not route.startswith("admin"):
                yield from _walk(one.url_patterns, route)
        elif one.name:
            yield Page(one.name, route, tuple(one.pattern.converters))


@pytest.fixture
def world(space, default_pool, administrator, tmp_path) -> dict[str, str]:
    """Something for each kind of page; route prefix and parameter to a value that exists."""
    seed(space=space, user=administrator, folder=tmp_path)
    pool = WorkerPool.objects.get(name="SQL - Dev")
    machine = MachineFactory(space=space, pools=[pool])
    tag = TagFactory(tag_set__space=space)
    tenant = TenantFactory(space=space)
    runbook = Runbook.objects.get(name="Back up and migrate")
    environment = Environment.objects.get(name="Development")
    [task] = runs.run(
        runbook=runbook,
        snapshot=runbook.published,
        environments=[environment],
        user=administrator,
        now=timezone.now(),
    )
    artifact = artifacts.create(task, name="a.png", content=[b"\x89PNG\r\n\x1a\n"], now=timezone.now())
    AttemptFactory(execution=task.executions.order_by("number")[0], machine=machine)
    trigger = triggers.create(
        runbook=runbook,
        fields=TriggerFields("Hourly", Schedule(ScheduleKind.EVERY), [environment]),
        user=administrator,
        now=timezone.now(),
    )
    package = push_package(space=space)
    template = templates.create(space=space, content=Template("Say", "Octopus.Script"), user=administrator)
    library_set = library.create(space=space, name="Shared")
    library_set_value = VariableFactory(variable_set=library.variable_set_of(library_set))
    code = EnrolmentCodeFactory(space=space, created_by=administrator)
    project = Project.objects.get()
    steps = Step.objects.filter(process__owner_kind="project")
    return {
        "settings/spaces/ slug": space.slug,
        "account/api-keys/ pk": str(
            api_keys.create(owner=administrator, purpose="x", now=timezone.now(), user=administrator)[0].pk
        ),
        "settings/users/ pk": str(administrator.pk),
        "settings/nodes/ pk": str(NodeFactory().pk),
        "environments/ slug": environment.slug,
        "tenants/ slug": tenant.slug,
        "library/tag-sets/ slug": tag.tag_set.slug,
        "library/variable-sets/ slug": library_set.slug,
        "library/variable-sets/ pk": str(library_set_value.pk),
        "library/variable-sets/ template": str(
            VariableTemplateFactory(variable_set=library_set_value.variable_set).pk
        ),
        "library/accounts/ slug": AccountFactory(space=space).slug,
        "library/certificates/ slug": CertificateFactory(space=space).slug,
        "library/packages/ package_id": package.package_id,
        "library/step-templates/ pk": str(template.pk),
        "library/packages/ version": package.version,
        "worker-pools/ slug": pool.slug,
        "workers/ slug": machine.slug,
        "targets/ slug": TargetFactory(space=space).slug,
        "workers/add/ pk": str(code.pk),
        "tasks/ pk": str(task.pk),
        "tasks/ number": "1",
        "tasks/ artifact": str(artifact.pk),
        "projects/ slug": project.slug,
        "projects/ version": "1.0.0",
        "projects/ channel": Channel.objects.get(project=project, is_default=True).slug,
        "project-groups/ slug": project_groups.create(space=space, name="Shops").slug,
        "lifecycles/ slug": lifecycles.ensure_default(space).slug,
        "projects/ trigger": str(trigger.pk),
        "projects/ runbook": runbook.slug,
        "projects/ step": steps.order_by("position")[0].slug,
        "projects/ action_type": all_types()[0].slug,
        "projects/ number": "1",
        "projects/ pk": str(Variable.objects.filter(name="Backup.Keep")[0].pk),
        "projects/ template": str(
            VariableTemplateFactory(variable_set=project_variables.variable_set_of(project)).pk
        ),
    }


def address(page: Page, world: dict[str, str]) -> str:
    """The page's address with values that exist; a parameter without one gets a stand-in."""
    values = {}
    for parameter in page.parameters:
        fitting = [value for key, value in world.items() if _fits(key, page.route, parameter)]
        values[parameter] = fitting[0] if fitting else "1"
    try:
        return reverse(page.name, kwargs=values)
    except NoReverseMatch:
        pytest.fail(f"{page.name} has an address that this test cannot fill in: {page.route}")


def _fits(key: str, route: str, parameter: str) -> bool:
    prefix, _, name = key.partition(" ")
    return route.startswith(prefix) and name == parameter


def rows() -> dict[str, int]:
    ignored = {"Session"}
    models = [model for model in apps.get_models() if model.__name__ not in ignored]
    return {model._meta.label: model._default_manager.count() for model in models}


def quiet(client: Client) -> Client:
    """Answers 500 instead of raising, so that one broken page does not hide the next."""
    client.raise_request_exception = False
    return client


def test_strangers_see_nothing(world: dict[str, str]) -> None:
    answers = {page.name: quiet(Client()).get(address(page, world)).status_code for page in pages()}

    seen = {name for name, status in answers.items() if status not in REFUSALS}
    assert seen <= PUBLIC


def test_strangers_can_do_nothing(world: dict[str, str]) -> None:
    before = rows()
    for page in pages():
        quiet(Client()).post(address(page, world), {"action": "disable", "name": "x"})

    # The audit may note that somebody failed to sign in or to join.
    changed = {name for name, count in rows().items() if count != before[name]} - {"accounts.Event"}
    assert changed == set()


@pytest.mark.parametrize("role", ["viewer", "administrator"])
def test_no_page_breaks_and_looking_changes_nothing(
    role: str, world: dict[str, str], as_user, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(role)
    client = quiet(as_user(user))
    before = rows()

    answers = {page.name: client.get(address(page, world)).status_code for page in pages()}

    assert {name: status for name, status in answers.items() if status >= 500} == {}
    assert {name for name, count in rows().items() if count != before[name]} == set()
    if role == "administrator":
        lost = {name for name, status in answers.items() if status in {403, 404}}
        assert lost == set()


def test_what_acts_refuses_get(world: dict[str, str], as_user, administrator) -> None:
    client = quiet(as_user(administrator))
    acting = [page for page in pages() if ACTING & set(page.name.split("_"))]

    answers = {page.name: client.get(address(page, world)).status_code for page in acting}

    assert {name: status for name, status in answers.items() if status != 405} == {}


def test_a_viewer_can_change_nothing(world: dict[str, str], as_user, viewer) -> None:
    client = quiet(as_user(viewer))
    own = {"account", "logout"}
    before = rows()

    for page in pages():
        if page.name not in own:
            client.post(address(page, world), {"action": "disable", "name": "x", "version": "1"})

    assert {name for name, count in rows().items() if count != before[name]} == set()
