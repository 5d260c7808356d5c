"""Where a step has its script from, in the words of the REST API."""

from __future__ import annotations

from enum import StrEnum

from domain.processes import Syntax

SCRIPT_SOURCE = "Octopus.Action.Script.ScriptSource"
FILE_NAME = "Octopus.Action.Script.ScriptFileName"
PARAMETERS = "Octopus.Action.Script.ScriptParameters"
GIT_URI = "Octoworkers.Action.GitRepository.Uri"
GIT_REFERENCE = "Octoworkers.Action.GitRepository.Reference"
GIT_ACCOUNT = "Octoworkers.Action.GitRepository.AccountVariable"
GIT_SCHEMES = ("https", "http", "ssh", "file")


class ScriptSource(StrEnum):
    INLINE = "Inline"
    PACKAGE = "Package"
    GIT = "GitRepository"


_ENDINGS = {".sh": Syntax.BASH, ".bash": Syntax.BASH, ".py": Syntax.PYTHON, ".ps1": Syntax.POWERSHELL}


def problem_with_git_uri(text: str) -> str | None:
    """The reason why no repository has this address, or None. Variables may stand in it."""
    if text.startswith("#{"):
        return None
    scheme, _, rest = text.partition("://")
    if scheme not in GIT_SCHEMES or not rest.strip("/"):
        known = ", ".join(f"{one}://" for one in GIT_SCHEMES)
        return f"Enter the address of the repository: it begins with one of {known}."
    if scheme in ("http", "https") and "@" in rest.partition("/")[0]:
        return "Put user names and passwords into an account, not into the address: everybody sees that."
    return None


def syntax_of_file(name: str) -> str:
    """The language that the name of a file says, "" where it says none."""
    return next((syntax for ending, syntax in _ENDINGS.items() if name.strip().lower().endswith(ending)), "")
