"""Frozen dataclasses to JSON and back, checked against their own annotations.

What is frozen in the database today is read by tomorrow's code: keys that the code
does not know are dropped, keys that are missing take the field's default, and anything
else that does not fit raises `Malformed` with the path of the place.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

Json = dict[str, Any]
"""A JSON object as `json.loads` gives it."""


class Malformed(ValueError):
    """Stored JSON does not have the expected shape; the message names the place."""


class UnsupportedSchema(Malformed):
    """Stored JSON has a schema version that this code cannot read."""


def check_schema(data: Mapping[str, Any], *, supported: int) -> None:
    """Raise UnsupportedSchema unless `data["schema"]` is the supported version."""
    if data.get("schema") != supported:
        raise UnsupportedSchema(
            f"schema version {data.get('schema')!r}, where this version reads {supported}"
        )


def encode(value: Any) -> Any:
    """Turn dataclasses, tuples, sets and enums into what `json.dumps` takes."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return encode_fields(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(encode(one) for one in value)
    if isinstance(value, list | tuple):
        return [encode(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): encode(one) for key, one in value.items()}
    return value


def encode_fields(value: Any) -> Json:
    """A dataclass as an object, field by field, for a `to_json` method to build on."""
    return {one.name: encode(getattr(value, one.name)) for one in fields(value)}


def decode(cls: type[T], data: Any, path: str = "") -> T:
    """Read a value of the class from JSON data; raises Malformed."""
    return cast("T", _reader(cast("Any", cls))(data, path or cls.__name__))


def decode_fields(cls: type[T], data: Any, path: str = "") -> T:
    """Read a dataclass field by field, for a `from_json` method to build on."""
    path = path or cls.__name__
    if not isinstance(data, Mapping):
        raise Malformed(f"{path} is not an object")
    known = {name: reader for name, reader in _field_readers(cast("Any", cls)) if name in data}
    for one in fields(cast("Any", cls)):
        if one.name not in known and _is_required(one):
            raise Malformed(f"{path}.{one.name} is missing")
    return cls(**{name: read(data[name], f"{path}.{name}") for name, read in known.items()})


_Reader = Callable[[Any, str], Any]


def _is_required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


@cache
def _field_readers(cls: Any) -> tuple[tuple[str, _Reader], ...]:
    hints = get_type_hints(cls)
    return tuple((one.name, _reader(hints[one.name])) for one in fields(cls))


@cache
def _reader(hint: Any) -> _Reader:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _optional(hint)
    if origin is tuple:
        return _sequence(tuple, get_args(hint)[0])
    if origin is frozenset:
        return _sequence(frozenset, get_args(hint)[0])
    if origin is not None:
        return _mapping(get_args(hint)[1])
    if hasattr(hint, "from_json"):
        return _custom(hint)
    if is_dataclass(hint):
        return lambda data, path: decode_fields(cast("type[Any]", hint), data, path)
    return _plain(hint)


def _optional(hint: Any) -> _Reader:
    (inner,) = (_reader(one) for one in get_args(hint) if one is not types.NoneType)
    return lambda data, path: None if data is None else inner(data, path)


def _sequence(build: Callable[[Any], Any], hint: Any) -> _Reader:
    inner = _reader(hint)

    def read(data: Any, path: str) -> Any:
        if not isinstance(data, list | tuple):
            raise Malformed(f"{path} is not a list")
        return build([inner(one, f"{path}[{index}]") for index, one in enumerate(data)])

    return read


def _mapping(hint: Any) -> _Reader:
    inner = _reader(hint)

    def read(data: Any, path: str) -> Any:
        if not isinstance(data, Mapping):
            raise Malformed(f"{path} is not an object")
        return {str(key): inner(one, f"{path}.{key}") for key, one in data.items()}

    return read


def _custom(hint: Any) -> _Reader:
    def read(data: Any, path: str) -> Any:
        try:
            return hint.from_json(data)
        except Malformed as error:
            raise type(error)(f"{path}: {error}") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise Malformed(f"{path} cannot be read: {error}") from error

    return read


def _plain(hint: type) -> _Reader:
    def read(data: Any, path: str) -> Any:
        if issubclass(hint, StrEnum):
            if data in tuple(hint):
                return hint(data)
        elif isinstance(data, hint) and isinstance(data, bool) == (hint is bool):
            return data
        raise Malformed(f"{path} is not a {hint.__name__}: {data!r}")

    return read
