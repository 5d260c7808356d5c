from __future__ import annotations

import pytest
from django.urls import reverse

from domain.scopes import Scope
from domain.variables import VariableType
from projects.models import Deployment, Release
from projects.services import releases
from tasks.models import ServerTask
from tests.factories import EnvironmentFactory, SpaceFactory, UserFactory
from tests.projects import scenarios
from variables.services.rows import Row


@pytest.fixture
def release(project, editor):
    return releases.create(project=project, version="1.0.0", user=editor)


def _url(name, release):
    return reverse(name, args=[release.project.slug, release.version])


def test_the_next_version_is_filled_in(release, editor, as_user):
    page = as_user(editor).get(reverse("release_create", args=[release.project.slug]))

    assert 'value="1.0.1"' in page.content.decode()


@pytest.mark.parametrize(
    ("version", "words"), [("1.0.0", "has a release 1.0.0"), ("latest", "such as 1.4.0")]
)
def test_a_version_that_will_not_do_comes_back_with_the_form(version, words, release, editor, as_user):
    url = reverse("release_create", args=[release.project.slug])

    response = as_user(editor).post(url, {"version": version})

    assert response.status_code == 422
    assert words in response.content.decode()
    assert Release.objects.count() == 1


def test_an_empty_process_says_where_to_add_a_step(space, editor, as_user):
    project = scenarios.project(space)
    url = reverse("release_create", args=[project.slug])

    assert reverse("project_process", args=[project.slug]) in as_user(editor).get(url).content.decode()
    response = as_user(editor).post(url, {"version": "1.0.0"})

    assert response.status_code == 422
    assert "Add a step first" in response.content.decode()


def test_operators_create_no_releases(project, operator, as_user):
    url = reverse("release_create", args=[project.slug])

    assert as_user(operator).post(url, {"version": "1.0.0"}).status_code == 403


def test_a_release_hides_what_is_sensitive(project, environments, pools, editor, viewer, as_user):
    secret = Row(name="Password", type=VariableType.SENSITIVE, value="correct-horse", scope=Scope.of({}))
    scenarios.route(project, {}, others=[secret])
    release = releases.create(project=project, version="1.0.0", user=editor)

    page = as_user(viewer).get(_url("release_detail", release)).content.decode()

    assert "********" in page
    assert "correct-horse" not in page
    assert release.variables["variables"][0]["value"] not in page


def test_a_release_of_another_space_is_not_there(release, administrator, as_user):
    release.project.space = SpaceFactory()
    release.project.save()

    for page in ("release_detail", "release_deploy", "release_deploy_plan"):
        assert as_user(administrator).get(_url(page, release)).status_code == 404


def test_viewers_do_not_deploy(release, viewer, environments, as_user):
    client, url = as_user(viewer), _url("release_deploy", release)

    assert client.get(url).status_code == 403
    assert client.post(url, {"environments": [environments[0].pk]}).status_code == 403


def test_one_deployment_leads_to_its_task(release, environments, operator, as_user):
    response = as_user(operator).post(_url("release_deploy", release), {"environments": [environments[0].pk]})

    assert response.headers["Location"] == reverse("task_detail", args=[ServerTask.objects.get().pk])


def test_several_deployments_lead_to_the_list_of_theirs(release, environments, operator, as_user):
    response = as_user(operator).post(
        _url("release_deploy", release),
        {"environments": [one.pk for one in environments]},
        HTTP_HX_REQUEST="true",
    )

    url = response.headers["HX-Redirect"]
    listed = as_user(operator).get(url).content.decode()
    assert all(reverse("task_detail", args=[task.pk]) in listed for task in ServerTask.objects.all())
    assert Deployment.objects.count() == 2


@pytest.mark.parametrize("chosen", [[], ["999999"], ["x"], [""]])
def test_a_choice_that_makes_no_sense_starts_nothing(chosen, release, operator, as_user):
    response = as_user(operator).post(_url("release_deploy", release), {"environments": chosen})

    assert response.status_code == 422
    assert not ServerTask.objects.exists()


def test_an_environment_of_another_space_cannot_be_chosen(release, operator, as_user):
    foreign = EnvironmentFactory(space=SpaceFactory())

    response = as_user(operator).post(_url("release_deploy", release), {"environments": [foreign.pk]})

    assert response.status_code == 422
    assert "does not exist here" in response.content.decode()


def test_a_run_that_cannot_work_is_refused_by_the_server_too(release, environments, pools, operator, as_user):
    pools[1].machines.all().delete()

    response = as_user(operator).post(
        _url("release_deploy", release), {"environments": [one.pk for one in environments]}
    )

    text = response.content.decode()
    assert response.status_code == 422
    assert "Nothing was started" in text
    assert "SQL - Production has no workers" in text
    assert f"{reverse('worker_add')}?pool={pools[1].pk}" in text
    assert not ServerTask.objects.exists()


def test_the_matrix_opens_the_dialog_with_its_environment_chosen(release, environments, operator, as_user):
    response = as_user(operator).get(
        _url("release_deploy", release), {"environments": environments[1].pk}, HTTP_HX_REQUEST="true"
    )

    text = response.content.decode()
    assert text.lstrip().startswith("<dialog")
    assert "Deploy in 1 environment " in text


def test_the_page_stands_when_its_author_was_deleted(release, viewer, as_user):
    release.created_by = UserFactory(display_name="Nora Gone")
    release.save()
    release.created_by.delete()

    assert as_user(viewer).get(_url("release_detail", release)).status_code == 200
