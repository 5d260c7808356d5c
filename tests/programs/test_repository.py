"""Scripts from real Git repositories: which commit it is, who may, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.programs.archives import Bench
from tests.programs.git_server import Repository, git, served

RUN = {"scripts/run.sh": 'echo "first $1"; cat "$(dirname "$0")/../note.txt"\n', "note.txt": "a note\n"}
PASSWORD = "correct horse battery"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def run(bench: Bench, uri: str, reference: str = "", **inputs: str):
    given = {"syntax": "Bash", "file": "scripts/run.sh", "git_uri": uri, "git_reference": reference}
    return bench.run("script", {**given, **inputs})


def test_the_default_branch_is_run_and_the_commit_is_shown(bench: Bench, repository: Repository) -> None:
    commit = repository.commit(RUN)

    done = run(bench, repository.uri, parameters=json.dumps(["x y"]))

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-2:] == ["first x y", "a note"]
    assert (
        f"{repository.uri} at its default branch is commit {commit}: Change scripts/run.sh, note.txt" in lines
    )


@pytest.mark.parametrize("kind", ["branch", "tag", "full name", "hash", "beginning of a hash"])
def test_what_is_named_is_run(bench: Bench, repository: Repository, kind: str) -> None:
    commit = repository.commit(RUN, branch="wanted/one", tag="v1.0")
    repository.commit({"scripts/run.sh": "echo second\n"})
    names = {
        "branch": "wanted/one",
        "tag": "v1.0",
        "full name": "refs/heads/wanted/one",
        "hash": commit,
        "beginning of a hash": commit[:9],
    }

    done = run(bench, repository.uri, names[kind])

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"is commit {commit}" in done.stdout
    assert "first" in done.stdout


@pytest.mark.parametrize("reference", ["nowhere", "deadbeef", "0" * 40, "--upload-pack=touch x", "main:x"])
def test_what_does_not_exist_is_a_clear_failure(bench: Bench, repository: Repository, reference: str) -> None:
    repository.commit(RUN)

    done = run(bench, repository.uri, reference)

    assert done.returncode == 1
    assert f"has no branch, tag or commit {reference}." in done.stdout
    assert sorted(path.name for path in bench.work.iterdir()) == [".git"]


def test_a_repository_that_is_not_there_or_empty_is_said(bench: Bench, repository: Repository) -> None:
    empty = run(bench, repository.uri)
    missing = run(bench, f"{repository.uri}-not")

    assert f"The repository {repository.uri} is empty." in empty.stdout
    assert f"Git could not get {repository.uri}-not" in missing.stdout
    assert (empty.returncode, missing.returncode) == (1, 1)


@pytest.mark.parametrize("uri", ["ext::sh -c touch% x", "--upload-pack=x", "/etc", "git@host:x.git"])
def test_an_address_that_is_none_runs_nothing(bench: Bench, uri: str) -> None:
    done = run(bench, uri)

    assert done.returncode == 1
    assert "is no address of a repository" in done.stdout


def test_a_password_opens_the_repository_and_is_seen_nowhere(bench: Bench, repository: Repository) -> None:
    seen = 'echo "first"; cat /proc/$$/environ | tr "\\0" "\\n"; cat .git/config\n'
    repository.commit({"scripts/run.sh": seen})
    account = {"git_account": "Login", "git_username": "deployer", "git_password": PASSWORD}

    with served(repository, login=f"deployer:{PASSWORD}") as uri:
        done = run(bench, uri, **account)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "first" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    files = [path for path in bench.attempt.rglob("*") if path.is_file() and path.name != "inputs.json"]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]


def test_a_token_is_a_password_too(bench: Bench, repository: Repository) -> None:
    repository.commit(RUN)

    with served(repository, login=f"git:{PASSWORD}") as uri:
        done = run(bench, uri, git_account="Login", git_token=PASSWORD)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({}, "asks for credentials, and none are set."),
        (
            {"git_account": "Login", "git_username": "deployer", "git_password": "wrong"},
            "refused the credentials.",
        ),
        ({"git_account": "Login"}, "The variable Login holds no account with a password or a token"),
    ],
)
def test_without_the_right_password_it_is_said(bench: Bench, repository: Repository, account, words) -> None:
    repository.commit(RUN)

    with served(repository, login=f"deployer:{PASSWORD}") as uri:
        done = run(bench, uri, **account)

    assert done.returncode == 1
    assert words in done.stdout
    assert "wrong" not in done.stdout


def test_a_link_that_leads_out_of_the_repository_is_not_run(bench: Bench, repository: Repository) -> None:
    repository.commit(RUN)
    link = repository._work / "scripts" / "out.sh"
    link.symlink_to("/bin/sh")
    git(repository._work, "add", ".")
    git(repository._work, "commit", "-q", "-m", "Link")
    git(repository._work, "push", "-q", "origin", "main")

    done = run(bench, repository.uri, file="scripts/out.sh")

    assert done.returncode == 1
    assert "There is no file scripts/out.sh in it." in done.stdout
