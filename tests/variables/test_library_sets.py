"""Library variable sets: their pages, who includes them, and what a run finds of them."""

from __future__ import annotations

import pytest

from accounts.models import Event
from common.usage import InUse
from domain.plans import RunPlan
from domain.scopes import Kind, Scope
from domain.variables import Source, VariableType
from projects.services import project_variables, releases
from projects.services.project_variables import NotOfThisSpace, SetsTied
from runbooks.drift import draft_of
from runbooks.services import snapshots
from tasks.services import planning
from tests.factories import EnvironmentFactory, SpaceFactory
from tests.projects import scenarios
from tests.projects.conftest import environments, pools, project
from tests.variables.test_pages import HTMX, in_, posted
from tests.variables.test_pages import save as save_rows
from variables.models import LibraryVariableSet, VariableSet
from variables.selectors import library_sets
from variables.services import library
from variables.services.rows import Row, RowsRefused

__all__ = ["environments", "pools", "project"]

pytestmark = pytest.mark.django_db
URL = "/library/variable-sets/"


@pytest.fixture
def shared(space) -> LibraryVariableSet:
    made = library.create(space=space, name="Shared", description="For everybody")
    fill(made, Row(name="Proxy", value="proxy.internal"))
    return made


def fill(library_set: LibraryVariableSet, *rows: Row) -> None:
    save_rows(library.variable_set_of(library_set), *rows)


def own(project, *rows: Row) -> None:
    save_rows(project_variables.variable_set_of(project), *rows)


def include(project, *sets: LibraryVariableSet) -> None:
    project_variables.include(project, sets, user=None)


class TestRuns:
    def test_a_release_keeps_the_values_that_it_was_made_with(self, project, shared):
        include(project, shared)

        release = releases.create(project=project, version="1.0.0", user=None)
        fill(shared, Row(name="Proxy", value="another.internal"))

        frozen = {one["name"]: one for one in release.variables["variables"]}
        assert frozen["Proxy"]["value"] == "proxy.internal"
        assert frozen["Proxy"]["library"] == "Shared"
        assert "library" not in frozen[scenarios.POOL_VARIABLE]

    def test_the_projects_own_value_goes_first_and_the_set_is_named(self, project, shared, environments):
        own(project, Row(name="proxy", value="mine"))
        include(project, shared)

        plan = scenarios_plan(project, environments[0])

        proxy = [one for one in plan.candidates if one.name.casefold() == "proxy"]
        assert [(one.value, one.source) for one in proxy] == [
            ("mine", Source.PROJECT),
            ("proxy.internal", Source.LIBRARY),
        ]
        assert proxy[1].library == "Shared"

    def test_a_more_specific_value_of_the_library_goes_before_the_projects(
        self, as_user, viewer, project, shared, environments
    ):
        dev = environments[0]
        fill(
            shared,
            Row(name="Proxy", value="dev.internal", scope=Scope.of({Kind.ENVIRONMENT: [dev.pk]})),
        )
        own(project, Row(name="Proxy", value="mine"))
        include(project, shared)

        page = as_user(viewer).get(f"/projects/{project.slug}/variables/preview/?environment={dev.pk}")

        assert "dev.internal" in page.text
        assert "Exact environment. From the library set Shared. Beats mine." in page.text

    def test_a_draft_differs_once_its_set_has_changed(self, project, shared):
        runbook = scenarios.runbook(project)
        scenarios.add_step(runbook)
        include(project, shared)
        snapshots.publish(runbook=runbook, user=None)
        assert not draft_of(runbook).differs

        fill(shared, Row(name="Proxy", value="another.internal"))

        runbook.refresh_from_db()
        assert draft_of(runbook).what_differs == "Variables"

    def test_a_step_can_take_its_pool_from_a_set(self, as_user, editor, project, shared, pools):
        fill(shared, Row(name="Shared.Pool", type=VariableType.WORKER_POOL, value=str(pools[0].pk)))
        include(project, shared)

        page = as_user(editor).get(f"/projects/{project.slug}/process/steps/check-free-space/")

        assert '<option value="Shared.Pool">' in page.text


def scenarios_plan(project, environment) -> RunPlan:
    return planning.build(
        space=project.space,
        process={"schema": 1, "steps": []},
        variables=project_variables.freeze(project),
        environment=environment,
        tenant=None,
        process_ref="deployment",
    )


class TestIncluding:
    def test_two_sets_with_equally_specific_values_are_refused(self, project, shared):
        other = library.create(space=shared.space, name="Other")
        fill(other, Row(name="proxy", value="elsewhere"))

        with pytest.raises(SetsTied, match="Proxy has values in Other and Shared"):
            include(project, shared, other)

        assert project.library_sets.count() == 0

    def test_a_set_gets_no_value_that_ties_with_another_set_of_a_project(
        self, as_user, editor, project, shared
    ):
        other = library.create(space=shared.space, name="Other")
        include(project, shared, other)

        with pytest.raises(RowsRefused, match=f"of Proxy in Shared, which {project.name} includes too"):
            fill(other, Row(name="proxy", value="elsewhere"))

        data = posted(library.variable_set_of(other), {"name": "proxy", "rows": [{"value": "x"}]})
        answer = as_user(editor).post(f"{URL}other/", data)
        assert answer.status_code == 422
        assert "Just as specific as a value of Proxy in Shared" in answer.text
        include(project, other)
        fill(other, Row(name="proxy", value="elsewhere"))

    def test_a_set_of_another_space_is_refused(self, project):
        stranger = library.create(space=SpaceFactory(), name="Elsewhere")

        with pytest.raises(NotOfThisSpace):
            include(project, stranger)

    def test_the_page(self, as_user, editor, viewer, project, shared):
        url = f"/projects/{project.slug}/variables/library/"
        assert "1 variable · For everybody" in as_user(viewer).get(url).text
        assert as_user(viewer).post(url, {"sets": [shared.pk]}).status_code == 403

        answer = as_user(editor).post(url, {"sets": [shared.pk]}, follow=True)

        assert list(project.library_sets.all()) == [shared]
        assert "proxy.internal" in answer.text
        assert Event.objects.filter(message__contains="library variable sets").count() == 1

    def test_the_page_refuses_ties_and_sets_that_are_gone(self, as_user, editor, project, shared):
        url = f"/projects/{project.slug}/variables/library/"
        other = library.create(space=shared.space, name="Other")
        fill(other, Row(name="Proxy", value="elsewhere"))

        tied = as_user(editor).post(url, {"sets": [shared.pk, other.pk]})
        gone = as_user(editor).post(url, {"sets": [shared.pk + 100]})

        assert (tied.status_code, gone.status_code) == (422, 422)
        assert "nothing decides between them" in tied.text
        assert "does not exist here any more" in gone.text
        assert project.library_sets.count() == 0


class TestPages:
    def test_a_set_is_made_filled_renamed_and_deleted(self, as_user, editor, space):
        client = as_user(editor)
        client.post(f"{URL}new/", {"name": "Network", "description": ""})
        made = LibraryVariableSet.objects.get()
        variable_set = library.variable_set_of(made)
        data = posted(variable_set, {"name": "Proxy", "rows": [{"value": "a.internal"}]})

        saved = client.post(f"{URL}network/", data, **HTMX)
        client.post(f"{URL}network/edit/", {"name": "Net", "description": "All of it"})

        assert saved.status_code == 200
        assert "a.internal" in client.get(f"{URL}network/").text
        assert "All of it" in client.get(URL).text
        client.post(f"{URL}network/delete/")
        assert not LibraryVariableSet.objects.exists()
        assert not VariableSet.objects.filter(pk=variable_set.pk).exists()

    def test_a_taken_name_is_said_at_the_field(self, as_user, editor, shared):
        answer = as_user(editor).post(f"{URL}new/", {"name": "SHARED"})

        assert answer.status_code == 422
        assert "This name is taken" in answer.text

    def test_who_uses_it_is_listed_and_keeps_it(self, as_user, editor, project, shared):
        include(project, shared)

        page = as_user(editor).get(f"{URL}shared/")
        answer = as_user(editor).post(f"{URL}shared/delete/")

        assert project.name in page.text
        assert answer.status_code == 409
        with pytest.raises(InUse):
            library.delete(shared, user=None)

    def test_viewers_change_nothing(self, as_user, viewer, shared):
        client = as_user(viewer)

        assert client.get(f"{URL}shared/").status_code == 200
        assert client.get(f"{URL}new/").status_code == 403
        assert client.post(f"{URL}shared/", {}).status_code == 403
        assert client.post(f"{URL}shared/delete/").status_code == 403

    def test_one_value_without_script(self, as_user, editor, shared):
        client = as_user(editor)
        form = {"version": 2, "name": "Host", "type": "String", "text": "h"}

        client.post(f"{URL}shared/new/", form)

        names = library.variable_set_of(shared).variables.values_list("name", flat=True)
        assert set(names) == {"Proxy", "Host"}

    def test_scopes_of_a_process_or_a_step_are_not_offered(self, as_user, editor, shared, space):
        dev = EnvironmentFactory(space=space, name="Development")
        variable_set = library.variable_set_of(shared)
        data = posted(
            variable_set,
            {"name": "A", "rows": [{"value": "1", "scope": [*in_(dev), "ProcessOwner:deployment"]}]},
        )

        answer = as_user(editor).post(f"{URL}shared/", data)

        assert answer.status_code == 422
        assert "names something that does not exist here" in answer.text
        with pytest.raises(RowsRefused):
            fill(shared, Row(name="A", value="1", scope=Scope.of({Kind.ACTION: ["1"]})))

    def test_another_space_has_no_such_set(self, as_user, editor, shared):
        assert as_user(editor).get(f"/s/{SpaceFactory().slug}{URL}shared/").status_code == 404

    def test_the_list_counts_in_one_query(self, django_assert_num_queries, editor, project, shared):
        include(project, shared)
        fill(library.create(space=shared.space, name="Other"), Row(name="A"), Row(name="B"))

        with django_assert_num_queries(1):
            found = {
                one.name: (one.variable_count, one.project_count)
                for one in library_sets(editor, shared.space)
            }

        assert found == {"Shared": (1, 1), "Other": (2, 0)}
