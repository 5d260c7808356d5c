"""What scripts get of accounts and certificates, and what is masked of it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from domain.accounts import ACCOUNT_KINDS
from domain.plans import ProblemCode
from domain.variables import VariableType
from protocol import frames
from tasks.engine import attempts, jobs
from tests.factories import EnvironmentFactory, MachineFactory, WorkerPoolFactory
from tests.tasks.engine.builders import frozen_variables, live_attempt, plan, queue
from variables.models import Account
from variables.services import credentials

pytestmark = pytest.mark.django_db
NOW = timezone.now()
PASSWORD = "correct horse battery"
LOGIN = VariableType.USERNAME_PASSWORD


@pytest.fixture
def pool(space):
    pool = WorkerPoolFactory(space=space, name="SQL - Dev")
    MachineFactory(space=space, pools=[pool], slots=1, last_seen_at=NOW)
    return pool


@pytest.fixture
def account(space) -> Account:
    return credentials.create_account(
        space=space,
        name="Orders login",
        kind=ACCOUNT_KINDS["UsernamePassword"],
        fields={"Username": "sa", "Password": PASSWORD},
    )


def test_a_script_gets_the_parts_of_an_account_and_its_secret_is_masked(pool, account):
    rows = [("Db", LOGIN, str(account.pk)), ("Url", "String", "db://#{Db.Username}:#{Db.Password}@host")]
    task = queue("echo #{Url}", pool=pool, variables=frozen_variables(rows))
    jobs.sweep(now=NOW)
    attempt = live_attempt(task)

    frame = attempts.accepted(attempt.machine_id, frames.Accepted(str(attempt.pk), attempt.epoch), now=NOW)

    assert frame.script == f"echo db://sa:{PASSWORD}@host"
    assert frame.variables["Db.Username"] == "sa"
    assert frame.variables["Db.Password"] == PASSWORD
    assert frame.secrets == [PASSWORD]
    assert PASSWORD not in str(task.plan)


def test_an_account_that_is_gone_stops_the_plan_and_is_named(pool, account):
    frozen = frozen_variables([("Db", LOGIN, str(account.pk))])
    frozen["variables"][0]["label"] = "Orders login"
    credentials.delete(account, user=None)

    found = plan("echo hi", pool=pool, environment=EnvironmentFactory(space=pool.space), variables=frozen)

    [problem] = [one for one in found.problems if one.code is ProblemCode.DELETED_CREDENTIAL]
    assert problem.message == "Db is the username and password account Orders login, which has been deleted."
    assert not found.can_start
