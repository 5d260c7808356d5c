"""YAML that is written so that people can edit and compare it, and read with the lines of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import ReaderError

from octo.output import WIDE

#: Beyond this nobody nests on purpose; an alias that holds itself does.
DEEPEST = 50
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong where. `line` counts from 1."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class Unreadable(Exception):
    """Holds the problem of a file that is not proper YAML."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Text:
    """What a file says, and where each part of it stands."""

    file: str
    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """That of the part, or of what it would be in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path, text: str) -> Problem:
        return Problem(self.file, self.line(path), text)


def read(file: str, content: str) -> Text:
    """Raises Unreadable."""
    found = Text(file, None)
    try:
        loader = yaml.SafeLoader(content)
        node = loader.get_single_node()
        value = None if node is None else _value(loader, node, (), found)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context)
        raise Unreadable(Problem(file, mark.line + 1 if mark else 1, reason)) from error
    except ReaderError as error:
        line = content.count("\n", 0, error.position) + 1
        raise Unreadable(
            Problem(file, line, f"The character {error.character:#x} may not stand here.")
        ) from error
    except ValueError as error:  # such as a date that is none
        raise Unreadable(Problem(file, 1, str(error))) from error
    return Text(file, value, found.lines)


def _value(loader: Any, node: yaml.Node, path: Path, found: Text) -> Any:
    line = node.start_mark.line + 1
    found.lines[path] = line
    if len(path) > DEEPEST:
        raise Unreadable(Problem(found.file, line, "This is nested too deeply."))
    if isinstance(node, yaml.MappingNode):
        return dict(_members(loader, node, path, found))
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, one, (*path, number), found) for number, one in enumerate(node.value)]
    return loader.construct_object(node)


def _members(loader: Any, node: yaml.MappingNode, path: Path, found: Text) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen:
            raise Unreadable(Problem(found.file, line, f"{name} stands here twice."))
        seen.add(name)
        yield name, _value(loader, value, (*path, name), found)
        found.lines[(*path, name)] = line


class _Dumper(yaml.SafeDumper):
    """Scripts stand as blocks, and lists are indented below their name."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Other ends of lines would be read back as this one: such a text is written with escapes.
    is_odd = bool(set(text) & set("\r\x85\u2028\u2029\ufeff"))
    style = '"' if is_odd else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDE)
    return text
