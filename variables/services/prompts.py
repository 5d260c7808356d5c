"""Prompts as they are stored, and answers as a plan keeps them: secrets sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.answers import Answer, Answers
from domain.codec import decode, encode
from domain.ids import IdKind, is_id
from domain.ids import decode as number_of
from domain.ids import encode as encode_id
from domain.prompts import Control, Prompt
from domain.variables import Candidate, VariableType, name_key, validate_value
from variables.services.sealing import seal


def prompt_json(prompt: Prompt | None) -> dict[str, Any] | None:
    """As a row keeps it."""
    found: dict[str, Any] | None = encode(prompt) if prompt else None
    return found


def prompt_of(stored: Mapping[str, Any] | None) -> Prompt | None:
    """Raises `domain.codec.Malformed`."""
    return decode(Prompt, stored) if stored else None


def answers(asking: Iterable[Candidate], given: Mapping[str, str], *, earlier: Answers) -> dict[str, Answer]:
    """By `name_key`. `given` names a variable by its name or by the id of its value; an `earlier` answer to
    what is not asked any more is left out, a given one stays for the plan to object to."""
    rows = [one for one in asking if one.prompt is not None]
    known = {name_key(one.name): one for one in rows}
    by_id = {encode_id(IdKind.VARIABLE, int(one.id)): name_key(one.name) for one in rows}
    found = {key: answer for key, answer in earlier.items() if key in known}
    for name, value in given.items():
        key = by_id.get(name, name_key(name))
        answer = _answer(known.get(key), value)
        if answer is not None:
            found[key] = answer
    return found


def _answer(candidate: Candidate | None, value: str) -> Answer | None:
    """None where nothing is said of a secret: its default stays."""
    if candidate is None or candidate.prompt is None:
        return Answer(value)
    if candidate.type is VariableType.WORKER_POOL and is_id(IdKind.WORKER_POOL, value):
        return Answer(str(number_of(IdKind.WORKER_POOL, value)))
    if candidate.type is VariableType.SENSITIVE or candidate.prompt.control is Control.SENSITIVE:
        return _secret(value) if value else None
    return Answer(value)


def _secret(value: str) -> Answer:
    objection = validate_value(VariableType.SENSITIVE, value) or ""
    return Answer(seal(value, context="answer"), is_sensitive=True, objection=objection)
