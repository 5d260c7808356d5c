"""The environment of a script: little from the agent's own, and what the server gives."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

#: Names that decide which code runs rather than what it works on.
_REFUSED = frozenset(
    {
        "PATH", "IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "CDPATH", "GLOBIGNORE", "PS4",
        "PROMPT_COMMAND", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PERL5LIB",
        "PERL5OPT", "PERLLIB", "RUBYLIB", "RUBYOPT", "NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS",
        "GCONV_PATH", "LOCPATH",
    }
)  # fmt: skip
_REFUSED_STARTS = ("LD_", "DYLD_", "BASH_FUNC_", "OCTOWORKER_")
_KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "SSL_CERT_FILE",
)
#: Names that come from the machine and mean nothing inside of a container.
OWN = frozenset(_KEPT)
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class RefusedEnvironment(ValueError):
    """A name or a value that cannot be, or must not be, an environment variable of a script."""


def build(given: Mapping[str, str], own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Raises `RefusedEnvironment`."""
    for name, value in given.items():
        _check(name, value)
    base = {name: own[name] for name in _KEPT if own.get(name)}
    base.setdefault("PATH", _DEFAULT_PATH)
    if not any(name in base for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        base["LANG"] = "C.UTF-8"
    # Python programs that a script calls hold their output back unless told otherwise.
    return {**base, "PYTHONUNBUFFERED": "1", **given}


def _check(name: str, value: str) -> None:
    if not _NAME.match(name):
        raise RefusedEnvironment(f"{name!r} cannot be the name of an environment variable.")
    if name in _REFUSED or name.startswith(_REFUSED_STARTS):
        raise RefusedEnvironment(f"The environment variable {name} must not be set for a script.")
    if "\0" in value:
        raise RefusedEnvironment(f"The value of the environment variable {name} holds a NUL character.")
