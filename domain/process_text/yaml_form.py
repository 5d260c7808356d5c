"""YAML: the plain part of it, without anchors, tags and other things that a process has no use for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from domain.process_text.tree import DEEPEST, Entry, Fault, Listing, Node, Table, TextRefused, Word
from domain.process_text.writing import Document

# libyaml where PyYAML was built with it: ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, also where PyYAML would rather escape: with tabs or with
    blanks at the end of a line, as scripts have them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        analysis = super().analyze_scalar(scalar)
        if all(char in "\n\t" or char.isprintable() for char in scalar):
            # A tab in front would be taken for the indentation.
            analysis.allow_block = analysis.multiline and not scalar.lstrip(" \n").startswith("\t")
        else:
            # Other line breaks than \n would come back as \n.
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(document: Document) -> str:
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000))


def parse(text: str) -> Node:
    """Raises TextRefused."""
    try:
        return _document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise TextRefused([Fault(f"This is not YAML: {error.problem}.", line)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise TextRefused([Fault("There is a character here that YAML does not allow.", line)]) from error


def _document(events: Iterator[Any]) -> Node:
    found: Node = Table((), 1)
    seen = False
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if seen:
                raise _refused(event, "Only one document can stand in the text.")
            seen = True
        elif isinstance(event, yaml.NodeEvent):
            found = _node(event, events, depth=1)
    return found


def _node(event: Any, events: Iterator[Any], *, depth: int) -> Node:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise _refused(event, "Anchors and aliases (& and *) are not read: write the value out.")
    if depth > DEEPEST:
        raise _refused(event, "The text goes too deep.")
    if isinstance(event, yaml.ScalarEvent):
        return Word(event.value, line, is_plain=event.implicit[0] and event.style in (None, ""))
    if isinstance(event, yaml.SequenceStartEvent):
        return Listing(tuple(_items(events, depth)), line)
    return Table(tuple(_entries(events, depth)), line)


def _items(events: Iterator[Any], depth: int) -> Iterator[Node]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _node(event, events, depth=depth + 1)


def _entries(events: Iterator[Any], depth: int) -> Iterator[Entry]:
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, depth=depth + 1)
        if not isinstance(key, Word):
            raise _refused(event, "A name has to stand here.")
        yield Entry(key.text, _node(next(events), events, depth=depth + 1), key.line)


def _refused(event: Any, message: str) -> TextRefused:
    return TextRefused([Fault(message, event.start_mark.line + 1)])
