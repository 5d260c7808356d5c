from __future__ import annotations

import pytest

from projects.models import TenantedMode
from projects.places import NoPlace, Place, places_for
from tests.factories import TenantFactory
from tests.projects import scenarios


@pytest.fixture
def tenants(space):
    return [TenantFactory(space=space, name="Acme"), TenantFactory(space=space, name="Globex")]


@pytest.fixture
def shared(space, environments, tenants):
    """With or without tenants: Acme everywhere, Globex in Production alone."""
    project = scenarios.project(space, tenanted_mode=TenantedMode.BOTH)
    scenarios.connect(project, {tenants[0]: environments, tenants[1]: environments[1:]})
    return project


def test_one_place_per_environment(shared, environments):
    assert places_for(shared, environments=environments) == [Place(one) for one in environments]


def test_one_place_per_connected_pair(shared, environments, tenants):
    places = places_for(shared, environments=environments, tenants=tenants)

    assert [place.label for place in places] == [
        "Development, Acme",
        "Production, Acme",
        "Production, Globex",
    ]


def test_keys_tell_places_apart(shared, environments, tenants):
    places = [*places_for(shared, environments=environments, tenants=tenants), Place(environments[0])]

    assert len({place.key for place in places}) == 4


def test_a_tenant_that_goes_nowhere_is_named(shared, environments, tenants):
    with pytest.raises(NoPlace, match="Globex is not connected"):
        places_for(shared, environments=environments[:1], tenants=tenants)


def test_an_environment_without_a_tenant_is_named(space, environments, tenants):
    project = scenarios.project(space, tenanted_mode=TenantedMode.TENANTED)
    scenarios.connect(project, {tenants[0]: environments[:1]})

    with pytest.raises(NoPlace, match="connected to Production"):
        places_for(project, environments=environments, tenants=tenants[:1])


def test_nothing_chosen(shared):
    with pytest.raises(NoPlace, match="at least one environment"):
        places_for(shared, environments=[])


def test_a_project_for_tenants_needs_one(space, environments):
    project = scenarios.project(space, tenanted_mode=TenantedMode.TENANTED)

    with pytest.raises(NoPlace, match="at least one tenant"):
        places_for(project, environments=environments)


def test_a_project_without_tenants_takes_none(space, environments, tenants):
    project = scenarios.project(space)

    with pytest.raises(NoPlace, match="without tenants"):
        places_for(project, environments=environments, tenants=tenants)


def test_a_disabled_tenant_is_refused(shared, environments, tenants):
    tenants[0].is_disabled = True

    with pytest.raises(NoPlace, match="Acme is disabled"):
        places_for(shared, environments=environments, tenants=tenants[:1])
