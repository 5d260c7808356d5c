"""Step templates: a step with parameters, in the JSON form in which people share them.

What a step made from one keeps is all that it needs to run: the template's settings, the id and the version
of the template, the names of its parameters, and their values, each a setting under the parameter's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain import ids
from domain.ids import BadId, IdKind

TEMPLATE_ID = "Octopus.Action.Template.Id"
TEMPLATE_VERSION = "Octopus.Action.Template.Version"
PARAMETERS = "Octoworkers.Action.Template.Parameters"
"""The names of the parameters of a step, as a JSON list: which of its settings are values of these."""
CONTROL = "Octopus.ControlType"
OPTIONS = "Octopus.SelectOptions"
SYNTAX = "Octopus.Action.Script.Syntax"

LONGEST_TEXT = 1_000_000
LONGEST_NAME = 200
MOST_PARAMETERS = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()\[\]-]*\Z")
_REFERENCE = re.compile(r"#\{[^{}]*\}")


class Control(StrEnum):
    """How the value of a parameter is entered, in Octopus's words."""

    TEXT = "SingleLineText"
    LINES = "MultiLineText"
    SELECT = "Select"
    CHECKBOX = "Checkbox"
    SENSITIVE = "Sensitive"


class BadTemplate(ValueError):
    """What cannot be read as a template at all; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`control` is that of the form; `original` what the template named, if that is another one."""

    name: str
    label: str = ""
    help: str = ""
    default: str = ""
    control: Control = Control.TEXT
    options: str = ""
    original: str = ""

    @property
    def title(self) -> str:
        return self.label or self.name

    def choices(self) -> list[tuple[str, str]]:
        """Of a list, by value and label: a line is `value|label`, or a value alone."""
        found = []
        for line in filter(None, map(str.strip, self.options.splitlines())):
            value, bar, label = line.partition("|")
            found.append((value, label if bar else value))
        return found

    def objection(self, value: str) -> str:
        """What is wrong with a value; empty for nothing."""
        if self.control is Control.SENSITIVE and _REFERENCE.sub("", value).strip():
            return "Secrets come from sensitive variables: enter a reference such as #{Api.Key}."
        is_choice = "#{" in value or not value or value in {one for one, _ in self.choices()}
        if self.control is Control.SELECT and self.options and not is_choice:
            return f'"{value[:40]}" is not one of the choices.'
        return ""

    def to_json(self) -> dict[str, Any]:
        """As others read it."""
        settings = {CONTROL: self.original or self.control.value}
        if self.options:
            settings[OPTIONS] = self.options
        return {
            "Name": self.name,
            "Label": self.label,
            "HelpText": self.help,
            "DefaultValue": self.default,
            "DisplaySettings": settings,
        }


@dataclass(frozen=True, slots=True)
class Template:
    """`version` is that of whoever made it, and `shared_id` its id there. `notes` say what of it does not do
    here what it did there."""

    name: str
    action_type: str
    description: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    version: int = 1
    shared_id: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """In the form in which people share templates."""
        return {
            "Id": self.shared_id,
            "Name": self.name,
            "Description": self.description,
            "ActionType": self.action_type,
            "Version": self.version,
            "Packages": [],
            "Properties": dict(self.properties),
            "Parameters": [one.to_json() for one in self.parameters],
            "$Meta": {"Type": "ActionTemplate"},
        }


def read_all(text: str) -> list[Template | BadTemplate]:
    """One template, or a list of them; what is wrong with one keeps no other from being read. Raises
    `BadTemplate` for a text that is neither."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadTemplate(f"This is not JSON: {error}.") from error
    rows = data if isinstance(data, list) else [data]
    return [_read_or_say(one) for one in rows]


def _read_or_say(data: Any) -> Template | BadTemplate:
    try:
        return read(data)
    except BadTemplate as problem:
        return problem


def read(data: Any) -> Template:
    """Raises `BadTemplate`."""
    if not isinstance(data, Mapping):
        raise BadTemplate("This is not a template: it is no JSON object.")
    data = {str(name): value for name, value in data.items()}
    meta = data.get("$Meta")
    kind = meta.get("Type", "ActionTemplate") if isinstance(meta, Mapping) else "ActionTemplate"
    if kind != "ActionTemplate":
        raise BadTemplate(f"This is not a step template, but of the type {str(kind)[:60]}.")
    name, action_type = _text(data, "Name", LONGEST_NAME), _text(data, "ActionType", 60)
    if not name or not action_type:
        raise BadTemplate("A template needs a Name and an ActionType.")
    notes: list[str] = []
    return Template(
        name=name,
        action_type=action_type,
        description=_text(data, "Description", LONGEST_TEXT),
        properties=dict(_properties(data.get("Properties"), notes)),
        parameters=tuple(_parameters(data.get("Parameters"), notes)),
        version=_version(data.get("Version")),
        shared_id=_text(data, "Id", 100),
        notes=tuple([*notes, *_left_out(data)]),
    )


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise BadTemplate(f"{name} is not a text of up to {longest:,} characters.")
    return value.strip() if longest <= LONGEST_NAME else value


def _version(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value < 10**6 else 1


def _properties(value: Any, notes: list[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        raise BadTemplate("Properties is not an object.")
    for name, one in value.items():
        if isinstance(one, Mapping):
            notes.append(f"The secret value of {name} is not in the file, and is left out.")
        elif one is not None:
            text = {True: "True", False: "False"}.get(one, str(one)) if isinstance(one, bool) else str(one)
            if len(text) > LONGEST_TEXT:
                raise BadTemplate(f"{name} is longer than {LONGEST_TEXT:,} characters.")
            yield str(name)[:LONGEST_NAME], text.replace("\r\n", "\n")


def _parameters(value: Any, notes: list[str]) -> Iterator[Parameter]:
    rows = value or []
    if not isinstance(rows, list) or len(rows) > MOST_PARAMETERS:
        raise BadTemplate(f"Parameters is not a list of up to {MOST_PARAMETERS}.")
    seen: set[str] = set()
    for row in rows:
        parameter = _parameter(row, notes)
        if parameter.name.casefold() in seen:
            raise BadTemplate(f"Two parameters are called {parameter.name}.")
        seen.add(parameter.name.casefold())
        yield parameter


def _parameter(row: Any, notes: list[str]) -> Parameter:
    if not isinstance(row, Mapping):
        raise BadTemplate("A parameter is no object.")
    name = _text(row, "Name", LONGEST_NAME)
    if not _NAME.match(name) or name.startswith("Octo"):
        raise BadTemplate(f'A parameter cannot be called "{name[:60]}".')
    shown = row.get("DisplaySettings")
    settings = shown if isinstance(shown, Mapping) else {}
    original = str(settings.get(CONTROL) or Control.TEXT)[:60]
    is_known = original in tuple(Control)
    if not is_known:
        notes.append(f"{name} is entered as a text: there is no control {original} here.")
    default = row.get("DefaultValue")
    if isinstance(default, Mapping):
        notes.append(f"The secret default value of {name} is not in the file, and is left out.")
        default = ""
    return Parameter(
        name=name,
        label=_text(row, "Label", LONGEST_NAME),
        help=_text(row, "HelpText", LONGEST_TEXT),
        default=str(default) if default is not None else "",
        control=Control(original) if is_known else Control.TEXT,
        options=str(settings.get(OPTIONS) or ""),
        original="" if is_known else original,
    )


def _left_out(data: Mapping[str, Any]) -> Iterator[str]:
    for name, noun in (("Packages", "package"), ("GitDependencies", "Git repository")):
        rows = data.get(name)
        if isinstance(rows, list) and rows:
            yield f"Its {noun} references ({len(rows)}) are left out. Add them to the steps made from it."


# --- Steps made from a template ---------------------------------------------------------------------


def origin(properties: Mapping[str, str]) -> tuple[int, int] | None:
    """The id and the version of the template that a step was made from."""
    try:
        id = ids.decode(IdKind.ACTION_TEMPLATE, properties.get(TEMPLATE_ID, ""))
    except BadId:
        return None
    version = properties.get(TEMPLATE_VERSION, "")
    is_number = version.isascii() and version.isdigit() and len(version) < 7
    return (id, int(version)) if is_number else None


def parameter_names(properties: Mapping[str, str]) -> Sequence[str]:
    """Which settings of a step are values of parameters; none for a step of no template."""
    text = properties.get(PARAMETERS, "")
    if not text:
        return ()
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else ()


def parameter_values(properties: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters, which are variables of the step; not substituted."""
    return {name: properties.get(name, "") for name in parameter_names(properties)}


def settings_of(
    *, id: int, version: int, properties: Mapping[str, str], values: Mapping[str, str]
) -> dict[str, str]:
    """The settings of a step made from this version of a template, with these values of all parameters."""
    return {
        **properties,
        TEMPLATE_ID: ids.encode(IdKind.ACTION_TEMPLATE, id),
        TEMPLATE_VERSION: str(version),
        PARAMETERS: json.dumps(list(values), ensure_ascii=False),
        **values,
    }


def own_settings(properties: Mapping[str, str], of_template: Iterable[str]) -> dict[str, str]:
    """What a step has of its own beside the template's settings and the parameters: retries, a time limit."""
    taken = {TEMPLATE_ID, TEMPLATE_VERSION, PARAMETERS, *parameter_names(properties), *of_template}
    return {name: value for name, value in properties.items() if name not in taken}
