"""Steps that refer to packages: in the editor, in snapshots and releases, and what they hold."""

from __future__ import annotations

import pytest
from django.urls import reverse

from common.usage import InUse
from domain.package_references import PackageReference, references_of, written
from domain.script_sources import FILE_NAME, GIT_ACCOUNT, GIT_REFERENCE, GIT_URI, SCRIPT_SOURCE
from packages.models import PackageUse
from packages.services import packages
from processes.services import processes
from processes.services.steps import action_of, fields_of
from projects.services import projects, releases
from runbooks.models import RunbookSnapshot
from runbooks.services import runbooks, snapshots
from tests.factories import push_package
from tests.projects import scenarios

pytestmark = pytest.mark.django_db
TOOLS = PackageReference("tools", "Acme.Tools")


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def refer(owner, *references: PackageReference) -> None:
    """Adds references to the first step."""
    process = scenarios.process_of(owner)
    step = process.steps.first()
    fields = fields_of(step)
    changed = {**fields.properties, **written(references)}
    processes.edit_step(
        step=step, version=process.version, fields=type(fields)(**{**vars(fields), "properties": changed})
    )


def step_url(runbook) -> str:
    step = scenarios.process_of(runbook).steps.first()
    return reverse("runbook_process", args=[runbook.project.slug, runbook.slug]) + f"steps/{step.slug}/"


def sent(runbook, **fields: str) -> dict[str, str]:
    return {
        "version": str(scenarios.process_of(runbook).version),
        "action_type": "run-a-script",
        "name": "Check free space",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "variable",
        "worker_pool_variable": scenarios.POOL_VARIABLE,
        "syntax": "Bash",
        "script": "echo hello",
        **fields,
    }


def properties_of(runbook) -> dict[str, str]:
    return action_of(scenarios.process_of(runbook).steps.first()).properties


def test_packages_are_entered_in_rows(as_user, editor, runbook) -> None:
    rows = {
        "package-0-name": "tools",
        "package-0-id": "Acme.Tools",
        "package-0-extract": "on",
        "package-1-id": "Acme.Data",
        "package-2-id": "",
    }

    response = as_user(editor).post(step_url(runbook), sent(runbook, **rows))

    assert response.status_code == 302, response.text
    assert references_of(properties_of(runbook)) == (
        PackageReference("Acme.Data", "Acme.Data", extract=False),
        TOOLS,
    )
    page = as_user(editor).get(step_url(runbook)).text
    assert 'value="Acme.Tools"' in page
    assert "package-3-id" in page


def test_a_script_of_a_package_is_entered_and_shown(as_user, editor, runbook) -> None:
    fields = {"source": "Package", "package_id": "Acme.Web", "file_name": "run.sh", "parameters": "a b"}

    assert as_user(editor).post(step_url(runbook), sent(runbook, **fields)).status_code == 302

    stored = properties_of(runbook)
    assert (stored[SCRIPT_SOURCE], stored[FILE_NAME]) == ("Package", "run.sh")
    assert references_of(stored) == (PackageReference("", "Acme.Web"),)
    assert 'value="run.sh"' in as_user(editor).get(step_url(runbook)).text


def test_a_script_of_a_git_repository_is_entered_and_shown(as_user, editor, runbook) -> None:
    fields = {
        "source": "GitRepository",
        "git_uri": "https://git.example.com/team/scripts.git",
        "git_reference": "main",
        "git_account": "Git.Login",
        "file_name": "run.py",
    }

    assert as_user(editor).post(step_url(runbook), sent(runbook, **fields)).status_code == 302

    stored = properties_of(runbook)
    assert (stored[GIT_URI], stored[GIT_REFERENCE], stored[GIT_ACCOUNT]) == (
        fields["git_uri"],
        "main",
        "Git.Login",
    )
    page = as_user(editor).get(step_url(runbook)).text
    assert 'value="https://git.example.com/team/scripts.git"' in page
    assert 'value="Git.Login"' in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"source": "Package", "file_name": "x.sh"}, "Enter the ID of the package that the script is in."),
        ({"source": "Package", "package_id": "Acme.Web"}, "Enter the script&#x27;s path in the package."),
        ({"source": "Package", "package_id": "a b", "file_name": "x"}, "A package ID has letters"),
        ({"source": "GitRepository", "file_name": "x.sh"}, "Enter the address of the repository."),
        (
            {"source": "GitRepository", "git_uri": "https://host/x"},
            "Enter the script&#x27;s path in the repository.",
        ),
        ({"source": "GitRepository", "git_uri": "git@host:x", "file_name": "x"}, "it begins with one of"),
        (
            {"source": "GitRepository", "git_uri": "https://me:secret@host/x", "file_name": "x"},
            "Put user names and passwords into an account",
        ),
        ({"source": "Inline", "script": ""}, "Enter the script that this step runs."),
        ({"parameters": 'a "b'}, "A quotation mark is not closed."),
        ({"package-0-name": "tools"}, "Enter the ID of the package."),
        ({"package-0-name": "../x", "package-0-id": "Acme.Web"}, "The name of a package in a step"),
        (
            {"package-0-id": "A", "package-0-name": "x", "package-1-id": "B", "package-1-name": "X"},
            "Two packages have the name",
        ),
    ],
)
def test_bad_packages_are_refused_by_field(as_user, editor, runbook, fields, words) -> None:
    response = as_user(editor).post(step_url(runbook), sent(runbook, **fields))

    assert response.status_code == 422
    assert words in response.text


def test_a_snapshot_keeps_the_newest_version_and_holds_it(as_user, editor, runbook) -> None:
    package = push_package("Acme.Tools.1.0.0.zip")
    refer(runbook, TOOLS)

    snapshot = snapshots.publish(runbook=runbook, user=editor)
    push_package("Acme.Tools.2.0.0.zip")

    assert [one["version"] for one in snapshot.packages] == ["1.0.0"]
    with pytest.raises(InUse) as refused:
        packages.delete(package, user=None)
    assert [use.label for use in refused.value.uses] == [
        f"Snapshot 1 of {runbook.name} in {runbook.project.name}"
    ]
    page = as_user(editor).get(reverse("runbook_snapshot", args=[runbook.project.slug, runbook.slug, 1])).text
    assert "Acme.Tools" in page
    assert "1.0.0" in page


def test_an_older_version_is_chosen_where_a_snapshot_is_published(as_user, editor, runbook) -> None:
    push_package("Acme.Tools.1.0.0.zip")
    push_package("Acme.Tools.2.0.0.zip")
    refer(runbook, TOOLS)
    action = action_of(scenarios.process_of(runbook).steps.first()).pk
    client = as_user(editor)
    names = [runbook.project.slug, runbook.slug]

    page = client.get(reverse("runbook_snapshots", args=names)).text
    refused = client.post(reverse("runbook_publish", args=names), {f"package-{action}-tools": "9.9"})
    client.post(reverse("runbook_publish", args=names), {f"package-{action}-tools": "1.0.0", "notes": "Old"})

    assert "Acme.Tools as tools of Check free space" in page
    assert '<option value="1.0.0">' in page
    assert refused.status_code == 422
    assert "The built-in feed has no Acme.Tools 9.9." in refused.text
    assert [one["version"] for one in RunbookSnapshot.objects.get().packages] == ["1.0.0"]


def test_a_release_is_made_with_a_version_and_is_not_without(as_user, editor, project) -> None:
    refer(project, TOOLS)
    client, url = as_user(editor), reverse("release_create", args=[project.slug])

    missing = client.post(url, {"version": "1.0.0"})
    push_package("Acme.Tools.1.0.0.zip")
    made = client.post(url, {"version": "1.0.0"})

    assert missing.status_code == 422
    assert "needs the package Acme.Tools, which nobody has pushed yet." in missing.text
    assert made.status_code == 302
    assert "Acme.Tools" in client.get(reverse("release_detail", args=[project.slug, "1.0.0"])).text


def test_what_is_deleted_lets_its_packages_go(editor, project, runbook) -> None:
    push_package("Acme.Tools.1.0.0.zip")
    for owner in (project, runbook):
        refer(owner, TOOLS)
    snapshots.publish(runbook=runbook, user=editor)
    releases.create(project=project, version="1.0.0", user=editor)
    assert PackageUse.objects.count() == 2

    runbooks.delete(runbook, user=editor)
    assert PackageUse.objects.count() == 1
    projects.delete(project, user=editor)
    assert not PackageUse.objects.exists()
