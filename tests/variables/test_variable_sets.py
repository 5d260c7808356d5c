"""Saving variables as a whole: what is kept, what is refused, what goes into the audit."""

from __future__ import annotations

import json

import pytest

from accounts.models import Event, Role
from accounts.permissions import NotAllowed
from common.usage import uses_of
from domain.scopes import Context, Kind, Scope
from domain.variables import VariableType, resolve
from tests.factories import (
    EnvironmentFactory,
    ProjectFactory,
    SpaceFactory,
    TagFactory,
    TagSetFactory,
    TenantFactory,
    UserFactory,
    WorkerPoolFactory,
)
from variables.models import OwnerKind, VariableSet
from variables.services import tag_names, variable_sets
from variables.services.rows import Row, RowsRefused, ScopeRefused, TiedValues
from variables.services.sealing import unseal
from variables.services.variable_sets import StaleVariables

pytestmark = pytest.mark.django_db

SECRET, POOL = VariableType.SENSITIVE, VariableType.WORKER_POOL


@pytest.fixture
def variable_set(space) -> VariableSet:
    project = ProjectFactory(space=space)
    return variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)


def save(variable_set: VariableSet, *rows: Row, user=None) -> None:
    variable_set.refresh_from_db()
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows, user=user)


def stored(variable_set: VariableSet) -> list:
    return list(variable_set.variables.all())


def in_(*environments) -> Scope:
    return Scope.of({Kind.ENVIRONMENT: [one.pk for one in environments]})


def test_rows_are_stored_with_their_scopes_in_order(variable_set, space):
    dev, test = EnvironmentFactory(space=space), EnvironmentFactory(space=space)

    save(
        variable_set,
        Row(name="Host", value="dev", scope=in_(dev, test), description="where"),
        Row(name="Host", value="any"),
    )

    found = stored(variable_set)
    assert [(one.name, one.value, one.position) for one in found] == [("Host", "dev", 0), ("Host", "any", 1)]
    assert {one.value for one in found[0].scope_values.all()} == {str(dev.pk), str(test.pk)}
    assert variable_set.version == 2


def test_only_what_changed_is_written(variable_set, editor):
    save(variable_set, Row(name="A", value="1"), Row(name="B", value="2"), user=editor)
    a, b = stored(variable_set)

    save(variable_set, Row(id=b.pk, name="B", value="3"), Row(id=a.pk, name="A", value="1"))

    one, other = stored(variable_set)
    assert (one.pk, one.value, one.updated_by) == (b.pk, "3", "")
    assert (other.pk, other.updated_by, other.updated_at) == (a.pk, "edith", a.updated_at)


def test_a_secret_is_sealed_and_kept_until_another_one_is_typed(variable_set):
    save(variable_set, Row(name="Password", type=SECRET, value="correct horse"))
    (first,) = stored(variable_set)
    assert unseal(first.value, context=f"set-{variable_set.pk}") == "correct horse"

    save(variable_set, Row(id=first.pk, name="Password", type=SECRET, value=None, description="new"))
    (kept,) = stored(variable_set)
    assert kept.value == first.value

    save(variable_set, Row(id=first.pk, name="Password", type=SECRET, value="battery staple"))
    assert unseal(stored(variable_set)[0].value) == "battery staple"


def test_a_secret_cannot_become_readable(variable_set):
    save(variable_set, Row(name="Password", type=SECRET, value="correct horse"))
    (row,) = stored(variable_set)

    with pytest.raises(RowsRefused):
        save(variable_set, Row(id=row.pk, name="Password", value=None))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Row(name=""), "name"),
        (Row(name="a{b"), "name"),
        (Row(name="P", type=SECRET, value="abc"), "value"),
        (Row(name="P", type=SECRET, value=None), "value"),
        (Row(name="P", type=POOL, value=""), "value"),
        (Row(name="P", type=POOL, value="999999"), "value"),
        (Row(name="P", type=POOL, value="x"), "value"),
        (Row(id=424242, name="P", value="x"), "value"),
    ],
)
def test_a_bad_row_is_refused_by_its_index(variable_set, row, field):
    with pytest.raises(RowsRefused) as refused:
        save(variable_set, Row(name="Good", value="1"), row)

    assert [(one.index, one.field) for one in refused.value.problems] == [(1, field)]
    assert stored(variable_set) == []
    variable_set.refresh_from_db()
    assert variable_set.version == 1


def test_a_pool_of_another_space_is_refused(variable_set):
    foreign = WorkerPoolFactory(space=SpaceFactory())

    with pytest.raises(RowsRefused):
        save(variable_set, Row(name="P", type=POOL, value=str(foreign.pk)))


def test_a_row_of_another_set_is_refused(variable_set, space):
    other = variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=987, space=space)
    save(other, Row(name="Password", type=SECRET, value="correct horse"))
    (foreign,) = stored(other)

    with pytest.raises(RowsRefused):
        save(variable_set, Row(id=foreign.pk, name="Password", type=SECRET, value=None))


@pytest.mark.parametrize("kind", [Kind.ENVIRONMENT, Kind.TENANT, Kind.TENANT_TAG, Kind.PROCESS, Kind.ACTION])
def test_a_scope_that_names_something_foreign_is_refused(variable_set, kind):
    foreign = EnvironmentFactory(space=SpaceFactory())

    with pytest.raises(ScopeRefused):
        save(variable_set, Row(name="A", value="1", scope=Scope.of({kind: [foreign.pk]})))


def test_a_scope_that_is_stored_may_stay_when_its_thing_is_gone(variable_set, space):
    environment = EnvironmentFactory(space=space)
    scope = in_(environment)
    save(variable_set, Row(name="A", value="1", scope=scope))
    (row,) = stored(variable_set)
    environment.delete()

    save(variable_set, Row(id=row.pk, name="A", value="2", scope=scope))

    assert stored(variable_set)[0].value == "2"


def test_a_target_kind_is_refused_for_a_pool(variable_set, space):
    pool = WorkerPoolFactory(space=space)

    with pytest.raises(ScopeRefused, match="before a deployment target is known"):
        save(variable_set, Row(name="P", type=POOL, value=str(pool.pk), scope=Scope.of({Kind.ROLE: ["db"]})))


def test_ties_are_refused_with_both_rows(variable_set, space):
    dev, test, production = (EnvironmentFactory(space=space) for _ in range(3))

    with pytest.raises(TiedValues) as tied:
        save(
            variable_set,
            Row(name="Host", value="a", scope=in_(dev, test)),
            Row(name="Port", value="1"),
            Row(name="host", value="b", scope=in_(test, production)),
        )

    ((first, second, tie),) = tied.value.pairs
    assert (first, second) == (0, 2)
    assert tie.meeting == in_(test)
    assert stored(variable_set) == []


def test_two_tags_tie_only_in_a_tenant_that_has_both(variable_set, space):
    tag_set = TagSetFactory(space=space, name="Region")
    eu, us = TagFactory(tag_set=tag_set, name="EU"), TagFactory(tag_set=tag_set, name="US")
    rows = [
        Row(name="Host", value=one.name, scope=Scope.of({Kind.TENANT_TAG: [one.canonical_name]}))
        for one in (eu, us)
    ]
    save(variable_set, *rows)

    tenant = TenantFactory(space=space, tags=[eu, us])
    with pytest.raises(TiedValues) as tied:
        save(variable_set, *rows)

    assert tied.value.ties[0].tenants == {str(tenant.pk)}


def test_a_stale_version_changes_nothing(variable_set):
    save(variable_set, Row(name="A", value="theirs"))

    with pytest.raises(StaleVariables) as stale:
        variable_sets.save(variable_set=variable_set, version=1, rows=[Row(name="A", value="mine")])

    assert stale.value.current.version == 2
    assert stored(variable_set)[0].value == "theirs"


def test_freezing_and_reading_back_gives_candidates(variable_set, space):
    dev = EnvironmentFactory(space=space)
    pool = WorkerPoolFactory(space=space, name="SQL - Dev")
    save(
        variable_set,
        Row(name="P", type=POOL, value=str(pool.pk), scope=in_(dev)),
        Row(name="Password", type=SECRET, value="correct horse"),
    )

    frozen = json.loads(json.dumps(variable_sets.freeze(variable_set)))
    picked, secret = variable_sets.candidates(frozen)

    assert (picked.shown, picked.value, picked.scope) == ("SQL - Dev", str(pool.pk), in_(dev))
    assert unseal(secret.value) == "correct horse"
    assert "correct" not in json.dumps(frozen)
    assert resolve("p", [picked, secret], Context(environment=str(dev.pk))).winner == picked


def test_freezing_costs_the_same_few_queries_for_many_values(variable_set, django_assert_num_queries):
    save(variable_set, *(Row(name=f"Name{number}", value="x") for number in range(20)))

    with django_assert_num_queries(2):
        variable_sets.freeze(variable_set)


def test_the_audit_names_what_changed_and_never_a_value(variable_set, editor):
    save(variable_set, Row(name="Host", value="db.internal"), user=editor)
    (row,) = stored(variable_set)

    save(
        variable_set,
        Row(id=row.pk, name="Host", value="db2.internal"),
        Row(name="Password", type=SECRET, value="correct horse"),
        user=editor,
    )

    event = Event.objects.filter(subject_kind="VariableSet").first()
    assert "added Password; changed Host" in event.message
    assert "db2" not in json.dumps(event.details) + event.message


def test_a_pool_that_the_user_may_not_use_is_refused(variable_set, space):
    pool = WorkerPoolFactory(space=space)

    with pytest.raises(NotAllowed):
        save(
            variable_set,
            Row(name="P", type=POOL, value=str(pool.pk)),
            user=UserFactory(role=Role.OPERATOR),
        )


def test_pools_environments_tenants_and_tags_know_the_variables_that_use_them(variable_set, space):
    dev, tenant = EnvironmentFactory(space=space), TenantFactory(space=space)
    tag = TagFactory(tag_set=TagSetFactory(space=space, name="Region"), name="EU")
    pool = WorkerPoolFactory(space=space)
    save(
        variable_set,
        Row(name="P", type=POOL, value=str(pool.pk), scope=in_(dev)),
        Row(name="T", value="1", scope=Scope.of({Kind.TENANT: [tenant.pk]})),
        Row(name="G", value="1", scope=Scope.of({Kind.TENANT_TAG: ["Region/EU"]})),
    )

    for used, name in ((pool, "P"), (dev, "P"), (tenant, "T"), (tag, "G")):
        (use,) = [one for one in uses_of(used) if one.kind == "Variable"]
        assert use.label.startswith(f"{name} in ")
        assert use.url.endswith("/variables/")


def test_a_renamed_tag_is_renamed_in_scopes_of_its_space(variable_set, space):
    TagFactory(tag_set=TagSetFactory(space=space, name="Region"), name="EU")
    save(variable_set, Row(name="G", value="1", scope=Scope.of({Kind.TENANT_TAG: ["Region/EU"]})))

    tag_names.rename(SpaceFactory(), {"Region/EU": "Region/Elsewhere"})
    tag_names.rename(space, {"Region/EU": "Region/Europe"})

    assert stored(variable_set)[0].scope_values.get().value == "Region/Europe"


def test_two_tags_of_one_value_may_swap_their_names(variable_set, space):
    tag_set = TagSetFactory(space=space, name="Region")
    names = [TagFactory(tag_set=tag_set, name=name).canonical_name for name in ("EU", "US")]
    save(variable_set, Row(name="G", value="1", scope=Scope.of({Kind.TENANT_TAG: names})))
    save(
        variable_set,
        *(
            Row(id=one.pk, name="G", value="1", scope=Scope.of({Kind.TENANT_TAG: names}))
            for one in stored(variable_set)
        ),
        Row(name="H", value="1", scope=Scope.of({Kind.TENANT_TAG: names[:1]})),
    )

    tag_names.rename(space, {"Region/EU": "Region/US", "Region/US": "Region/EU"})

    both, one = stored(variable_set)
    assert {scope.value for scope in both.scope_values.all()} == set(names)
    assert one.scope_values.get().value == "Region/US"


def test_saving_without_changes_costs_few_queries(variable_set, django_assert_max_num_queries):
    rows = [Row(name=f"Name{number}", value="x") for number in range(50)]
    save(variable_set, *rows)
    kept = [Row(id=one.pk, name=one.name, value="x") for one in stored(variable_set)]
    variable_set.refresh_from_db()

    with django_assert_max_num_queries(30):
        variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=kept)
