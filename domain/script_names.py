"""Names of variables that a script reads while it runs: `get_octopusvariable "Name"` and its like."""

from __future__ import annotations

import re

from domain.variables import name_key, same_name

# What stands before a name in Bash, in Python and in PowerShell; then the name in quotes, or one bare word.
_READ = re.compile(
    r"""(?P<call>\bget_octopusvariable(?:[ \t]+|[ \t]*\([ \t]*)|\$OctopusParameters[ \t]*\[[ \t]*)"""
    r"""(?:(?P<quote>["'])(?P<quoted>[^"'\n]*)(?P=quote)|(?P<bare>[A-Za-z0-9_.-]+))""",
    re.IGNORECASE,
)
_BARE = re.compile(r"[A-Za-z0-9_.-]+\Z")


def names_read(script: str) -> frozenset[str]:
    """The keys (`name_key`) of the names that stand as literals in such calls."""
    return frozenset(name_key(_name(found)) for found in _READ.finditer(script))


def with_name(script: str, old: str, new: str) -> str:
    """The script with each such call that names `old` naming `new`. Source of other names stays."""

    def exchanged(found: re.Match[str]) -> str:
        if not same_name(_name(found), old):
            return found[0]
        quote = found["quote"] or ("" if _BARE.match(new) else '"')
        return f"{found['call']}{quote}{new}{quote}"

    return _READ.sub(exchanged, script)


def _name(found: re.Match[str]) -> str:
    return found["quoted"] if found["quoted"] is not None else found["bare"]
