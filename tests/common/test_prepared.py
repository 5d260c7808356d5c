from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import F

from common.prepared import Insert, Param, Rows, Update
from tasks.models import Attempt, AttemptState, Execution
from tests.factories import ExecutionFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 2, 0, 0, 250, tzinfo=UTC)

_insert = Insert(Attempt)
_named = Rows(lambda: Execution.objects.filter(name=Param("name")).order_by("pk").values_list("pk", "needs"))
_named_raw = Rows(lambda: Execution.objects.filter(name=Param("name")).values_list("needs"), raw=True)
_since = Rows(
    lambda: Attempt.objects.filter(assigned_at__gte=Param("since"), pk=Param("id")).values_list(
        "pk", "assigned_at", "cancel_requested"
    )
)
_step_on = Update(
    lambda: Execution.objects.filter(pk=Param("id"), state="Pending"),
    state="Running",
    epoch=F("epoch") + 1,
    started_at=Param("now"),
    message=Param("message"),
)


def _attempt(execution: Execution, **values: object) -> uuid.UUID:
    id = uuid.uuid4()
    _insert([{"id": id, "execution_id": execution.pk, "epoch": 1, "assigned_at": NOW, **values}])
    return id


def test_rows_are_converted_as_a_queryset_converts_them():
    execution = ExecutionFactory(name="Migrate", needs=["bash"])
    ExecutionFactory(name="Other")

    assert _named(name="Migrate") == [(execution.pk, ["bash"])]
    assert _named(name="Other")[0][1] == []
    assert _named.first(name="Nobody") is None


def test_raw_rows_are_left_alone():
    ExecutionFactory(name="Migrate", needs=["bash"])

    assert _named_raw(name="Migrate") == [('["bash"]',)]


def test_uuids_times_and_truths_survive_the_way_there_and_back():
    id = _attempt(ExecutionFactory(), cancel_requested=True)

    assert _since(since=NOW, id=id) == [(id, NOW, True)]
    assert _since(since=NOW.replace(year=2027), id=id) == []


def test_an_inserted_row_gets_the_defaults_of_its_model():
    attempt = Attempt.objects.get(pk=_attempt(ExecutionFactory()))

    assert (attempt.state, attempt.log_lines, attempt.machine_id) == (AttemptState.ASSIGNED, 0, None)
    assert attempt.assigned_at == NOW


def test_an_update_says_how_many_rows_it_changed():
    execution = ExecutionFactory()

    assert _step_on(id=execution.pk, now=NOW, message='it\'s %s "here"') == 1
    assert _step_on(id=execution.pk, now=NOW, message="") == 0
    execution.refresh_from_db()
    assert (execution.state, execution.epoch, execution.started_at) == ("Running", 1, NOW)
    assert execution.message == 'it\'s %s "here"'


def test_a_statement_is_compiled_once_and_runs_once(django_assert_num_queries):
    _named(name="warm")

    with django_assert_num_queries(1):
        _named(name="Migrate")
    assert connection.vendor in _named._compiled


def test_a_parameter_that_is_not_given_is_an_error():
    with pytest.raises(KeyError):
        _named()
