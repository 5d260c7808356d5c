"""Run a script: an inline body in one of the languages, or a file of a package."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from domain.package_references import PACKAGE_ID
from domain.plans import ProblemCode
from domain.processes import SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX, Syntax
from domain.script_sources import (
    FILE_NAME,
    GIT_ACCOUNT,
    GIT_REFERENCE,
    GIT_URI,
    PARAMETERS,
    SCRIPT_SOURCE,
    ScriptSource,
    problem_with_git_uri,
    syntax_of_file,
)
from domain.step_types.base import PROGRAMS, Fault, Fill, Program, Properties, Script, StepType, Text, Work


def source_of(properties: Properties) -> ScriptSource | None:
    """None for one that this version does not know."""
    text = properties.get(SCRIPT_SOURCE) or ScriptSource.INLINE.value
    return ScriptSource(text) if text in tuple(ScriptSource) else None


def _is_inline(properties: Properties) -> bool:
    return source_of(properties) is ScriptSource.INLINE


def _syntax(properties: Properties) -> str:
    """A file's name says what it is written in."""
    own = "" if _is_inline(properties) else syntax_of_file(properties.get(FILE_NAME, ""))
    return own or properties.get(SCRIPT_SYNTAX) or Syntax.BASH


def _texts(properties: Properties) -> list[Text]:
    if _is_inline(properties):
        return [Text("script", properties.get(SCRIPT_BODY, ""))]
    own = [
        Text("script file", properties.get(FILE_NAME, "")),
        Text("list of parameters", properties.get(PARAMETERS, "")),
    ]
    return own + _git_texts(properties) if source_of(properties) is ScriptSource.GIT else own


def _git_texts(properties: Properties) -> list[Text]:
    account = properties.get(GIT_ACCOUNT, "").strip()
    return [
        Text("address of the repository", properties.get(GIT_URI, "")),
        Text("branch, tag or commit", properties.get(GIT_REFERENCE, "")),
        Text("account", f"#{{{account}}}" if account else ""),
    ]


def _needs(properties: Properties) -> tuple[str, ...]:
    language = _syntax(properties).lower()
    if _is_inline(properties):
        return (language,)
    git = ("git",) if source_of(properties) is ScriptSource.GIT else ()
    return (language, PROGRAMS, *git)


def _faults(properties: Properties) -> Iterator[Fault]:
    source, syntax = source_of(properties), _syntax(properties)
    if source is None:
        yield Fault(f"has its script from {properties[SCRIPT_SOURCE]}, which is not possible here.")
    if syntax not in set(Syntax):
        yield Fault(f"is written in {syntax}, which cannot run here.", ProblemCode.UNKNOWN_SYNTAX)
    if source is ScriptSource.PACKAGE:
        if not properties.get(PACKAGE_ID, "").strip():
            yield Fault("has its script from a package, but names none.")
        yield from _file_faults(properties, "a package")
    if source is ScriptSource.GIT:
        if problem := problem_with_git_uri(properties.get(GIT_URI, "").strip()):
            yield Fault(f"has its script from a Git repository, but no address of one. {problem}")
        yield from _file_faults(properties, "a Git repository")


def _file_faults(properties: Properties, where: str) -> Iterator[Fault]:
    if not properties.get(FILE_NAME, "").strip():
        yield Fault(f"has its script from {where}, but does not say which file of it.")
    if problem_with_parameters(properties.get(PARAMETERS, "")):
        yield Fault("has parameters with a quotation mark that is not closed.")


def problem_with_parameters(text: str) -> str | None:
    """The reason why a script cannot be given these, or None."""
    try:
        shlex.split(text)
    except ValueError:
        return "A quotation mark is not closed."
    return None


def _work(properties: Properties, fill: Fill) -> Work:
    syntax = _syntax(properties)
    if _is_inline(properties):
        return Script(syntax, fill(properties.get(SCRIPT_BODY, "")))
    # Split before values are put in, so that no value becomes several parameters.
    parameters = [fill(one) for one in shlex.split(properties.get(PARAMETERS, ""))]
    file = fill(properties.get(FILE_NAME, "").strip())
    inputs = {"syntax": syntax, "file": file, "parameters": json.dumps(parameters)}
    git = _git(properties, fill) if source_of(properties) is ScriptSource.GIT else {}
    return Program("script", {**inputs, **git})


def _git(properties: Properties, fill: Fill) -> dict[str, str]:
    account = properties.get(GIT_ACCOUNT, "").strip()
    parts = (
        {part: _part(account, part, fill) for part in ("Username", "Password", "Token")} if account else {}
    )
    return {
        "git_uri": fill(properties.get(GIT_URI, "").strip()),
        "git_reference": fill(properties.get(GIT_REFERENCE, "").strip()),
        "git_account": account,
        **{f"git_{part.lower()}": value for part, value in parts.items()},
    }


def _part(account: str, part: str, fill: Fill) -> str:
    """What an account has of this; "" where it has nothing, which a template would leave as it is."""
    template = f"#{{{account}.{part}}}"
    return "" if (value := fill(template)) == template else value


SCRIPT = StepType(key=SCRIPT_ACTION, work=_work, texts=_texts, needs=_needs, faults=_faults)
