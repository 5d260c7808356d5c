"""Gets one commit of a Git repository. Credentials are on no command line, in no log and in no file of the
repository: Git asks for them, and a small program answers from its environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.kit import say
from programs.kit.given import Failed

SCHEMES = ("https", "http", "ssh", "file")
_ANSWER = """\
#!/bin/sh
case "$1" in
Username*) printf '%s' "$OCTOWORKERS_GIT_USERNAME" ;;
*) printf '%s' "$OCTOWORKERS_GIT_PASSWORD" ;;
esac
"""
#: No stored credentials, no hooks, no transports that are commands.
_OPTIONS = (
    "credential.helper=", "core.hooksPath=/dev/null", "protocol.ext.allow=never", "core.fsmonitor=false",
    "advice.detachedHead=false",
)  # fmt: skip
_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
_SECONDS = 1800
_NAMED = 10


@dataclass(frozen=True)
class Wanted:
    """`reference` is a branch, a tag, a full name such as refs/pull/3/head, or a commit; "" is the default
    branch. Without a password nobody is signed in."""

    uri: str
    reference: str = ""
    username: str = ""
    password: str = ""


def check_out(wanted: Wanted, folder: Path) -> str:
    """Into the folder, which is empty; the commit's full hash. Raises `Failed`."""
    scheme = wanted.uri.partition("://")[0]
    if scheme not in SCHEMES or "://" not in wanted.uri:
        raise Failed(f"{wanted.uri} is no address of a repository: it begins with {', '.join(SCHEMES)}://.")
    git = _Git(wanted, folder)
    git.run("init", "-q", ".")
    name = _found(wanted, git)
    if name is None:
        _fetch_commit(wanted, git)
    else:
        git.run("fetch", "-q", "--depth", "1", "--no-tags", "--", wanted.uri, name)
    commit = git.run("rev-parse", "--verify", "-q", "FETCH_HEAD^{commit}").strip()
    git.run("checkout", "-q", "--detach", commit)
    subject = git.run("log", "-1", "--format=%s").strip()
    say.info(
        f"{wanted.uri} at {wanted.reference or 'its default branch'} is commit {commit}: {subject[:120]}"
    )
    return commit


def _found(wanted: Wanted, git: _Git) -> str | None:
    """The full name of what is wanted, None for what may be a commit. Raises `Failed`."""
    rows = [line.split("\t", 1) for line in git.run("ls-remote", "--", wanted.uri).splitlines()]
    names = [row[1] for row in rows if len(row) == 2]
    if not names:
        raise Failed(f"The repository {wanted.uri} is empty.")
    reference = wanted.reference
    for name in _candidates(reference):
        if name in names:
            return name
    if _COMMIT.fullmatch(reference):
        return None
    raise Failed(f"{wanted.uri} has no branch, tag or commit {reference}. It has {_some(names)}.")


def _candidates(reference: str) -> Iterator[str]:
    if not reference:
        yield "HEAD"
        return
    if reference.startswith("refs/") or reference == "HEAD":
        yield reference
    yield from (f"refs/{kind}/{reference}" for kind in ("heads", "tags"))


def _some(names: list[str]) -> str:
    branches = [name[len("refs/heads/") :] for name in names if name.startswith("refs/heads/")]
    more = f" and {len(branches) - _NAMED} more" if len(branches) > _NAMED else ""
    return f"the branches {', '.join(branches[:_NAMED])}{more}" if branches else "no branches"


def _fetch_commit(wanted: Wanted, git: _Git) -> None:
    """Not every server gives a commit by its hash, and none by the beginning of it: all branches then."""
    reference = wanted.reference
    if len(reference) == 40 and git.works("fetch", "-q", "--depth", "1", "--", wanted.uri, reference):
        return
    git.run(
        "fetch", "-q", "--", wanted.uri, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"
    )
    if not git.works("rev-parse", "--verify", "-q", f"{reference}^{{commit}}"):
        raise Failed(f"{wanted.uri} has no branch, tag or commit {reference}.")
    commit = git.run("rev-parse", "--verify", "-q", f"{reference}^{{commit}}").strip()
    git.run("fetch", "-q", ".", commit)


class _Git:
    def __init__(self, wanted: Wanted, folder: Path) -> None:
        program = shutil.which("git")
        if program is None:
            raise Failed("Git is not installed on this worker.")
        self._program = program
        self._wanted = wanted
        self._folder = folder

    def works(self, *words: str) -> bool:
        return self._call(words).returncode == 0

    def run(self, *words: str) -> str:
        """What it prints. Raises `Failed`."""
        done = self._call(words)
        if done.returncode:
            raise Failed(_why(self._wanted, done.stderr))
        return done.stdout

    def _call(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        options = [word for option in _OPTIONS for word in ("-c", option)]
        try:
            return subprocess.run(
                [self._program, *options, *words],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"Git took longer than {_SECONDS // 60} minutes for {self._wanted.uri}.") from None

    def _environment(self) -> Mapping[str, str]:
        given = {**os.environ, "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0"}
        if not self._wanted.password:
            return {**given, "GIT_ASKPASS": "/bin/false"}
        return {
            **given,
            "GIT_ASKPASS": str(self._answers()),
            "OCTOWORKERS_GIT_USERNAME": self._wanted.username,
            "OCTOWORKERS_GIT_PASSWORD": self._wanted.password,
        }

    def _answers(self) -> Path:
        """Holds no secret itself."""
        path = self._folder.parent / "git-answers.sh"
        if not path.exists():
            path.write_text(_ANSWER)
            path.chmod(0o700)
        return path


def _why(wanted: Wanted, said: str) -> str:
    """Git's own words, behind ours where we know better."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = next((line for line in reversed(lines) if "fatal:" in line or "error:" in line), "no reason")
    if "Authentication failed" in said or "could not read Username" in said or "403" in text:
        account = "refused the credentials" if wanted.password else "asks for credentials, and none are set"
        return f"The repository {wanted.uri} {account}."
    return f"Git could not get {wanted.uri}: {text.replace('fatal: ', '')}"
