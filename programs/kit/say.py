"""How a step program speaks: lines of the log, and service messages."""

from __future__ import annotations

import base64


def info(text: str) -> None:
    print(text, flush=True)


def verbose(text: str) -> None:
    _at("verbose", text)


def highlight(text: str) -> None:
    _at("highlight", text)


def warning(text: str) -> None:
    _at("warning", text)


def error(text: str) -> None:
    _at("error", text)


def set_output(name: str, value: str, *, sensitive: bool = False) -> None:
    """An output variable of the step."""
    message("setVariable", name=name, value=value, sensitive=str(sensitive))


def progress(percentage: int, text: str) -> None:
    message("progress", percentage=str(percentage), message=text)


def message(kind: str, **attributes: str) -> None:
    """A service message, a line of its own."""
    words = "".join(f" {name}='{_encoded(value)}'" for name, value in attributes.items())
    print(f"##octopus[{kind}{words}]", flush=True)


def _at(level: str, text: str) -> None:
    print(f"##octopus[stdout-{level}]\n{text}\n##octopus[stdout-default]", flush=True)


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode("utf-8", "replace")).decode()
