"""Every answer of the API that is not a success, in one form.

Services raise exceptions of their own; each app registers those that a client may meet with `refuse`,
so that the same refusal has the same status everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    ParseError,
    Throttled,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import set_rollback

from common.usage import CannotDelete, InUse

PROBLEM = "There was a problem with your request."
NOT_SIGNED_IN = (
    "You must be logged in to request this resource. Send an API key in the header X-Octopus-ApiKey, "
    "or sign in."
)
NOT_FOUND = "The resource was not found, or you may not see it."
CONFLICT = "Somebody else changed this at the same moment, or the name is taken. Read it again and retry."

Describe = Callable[[Exception], list[str]]


def body(message: str, errors: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """The form that all clients read: a sentence, and further sentences."""
    return {"ErrorMessage": message, "Errors": errors if errors is not None else [message], **more}


def _own_words(error: Exception) -> list[str]:
    return [str(error)]


def _uses(error: Exception) -> list[str]:
    uses = error.uses if isinstance(error, InUse) else []
    return [str(error), *(f"{use.kind}: {use.label}" for use in uses)]


_refusals: dict[type[Exception], tuple[int, Describe]] = {
    InUse: (status.HTTP_409_CONFLICT, _uses),
    CannotDelete: (status.HTTP_409_CONFLICT, _own_words),
    IntegrityError: (status.HTTP_409_CONFLICT, lambda error: [CONFLICT]),
}


def refuse(*exceptions: type[Exception], code: int = 400, words: Describe = _own_words) -> None:
    """Says how refusals of a service are answered. Called where an app's API is defined."""
    for exception in exceptions:
        _refusals[exception] = (code, words)


class Conflict(APIException):
    """The request was made for something that has changed since."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This has changed since you read it. Read it again and retry."


def handle(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer; None for a fault of ours, which becomes a 500."""
    answer = _answer(exception)
    if answer is None:
        return None
    set_rollback()
    for name, value in _headers(exception).items():
        answer[name] = value
    return answer


def _answer(exception: Exception) -> Response | None:
    if isinstance(exception, Http404):
        text = str(exception)
        return Response(body(text if "not found" in text else NOT_FOUND), status=404)
    if isinstance(exception, ValidationError):
        return Response(body(PROBLEM, list(_sentences(exception.detail))), status=400)
    if isinstance(exception, (NotAuthenticated, AuthenticationFailed)):
        return Response(body(NOT_SIGNED_IN, _why(exception)), status=exception.status_code)
    if isinstance(exception, ParseError):
        return Response(body(PROBLEM, [str(exception.detail)]), status=400)
    if isinstance(exception, APIException):
        return Response(body(str(exception.detail)), status=exception.status_code)
    if isinstance(exception, PermissionDenied):
        return Response(body(str(exception) or "You may not do this."), status=403)
    return _refusal(exception)


def _refusal(exception: Exception) -> Response | None:
    for kind in type(exception).__mro__:
        if kind in _refusals:
            code, words = _refusals[kind]
            sentences = words(exception)
            message = PROBLEM if code == status.HTTP_400_BAD_REQUEST else sentences[0]
            return Response(body(message, sentences), status=code)
    return None


def _why(exception: APIException) -> list[str]:
    return [] if isinstance(exception, NotAuthenticated) else [str(exception.detail)]


def _headers(exception: Exception) -> dict[str, str]:
    headers = {}
    if header := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(exception, Throttled) and exception.wait is not None:  # type: ignore[attr-defined]
        headers["Retry-After"] = str(max(1, round(exception.wait)))  # type: ignore[attr-defined]
    return headers


def _sentences(detail: Any, path: str = "") -> Iterator[str]:
    """The messages of nested serializers, each with the way to its field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _sentences(inner, _step(path, str(name)))
    elif isinstance(detail, (list, tuple)):
        for number, inner in enumerate(detail):
            plain = isinstance(inner, str)
            yield from _sentences(inner, path if plain else f"{path}[{number}]")
    else:
        yield f"{path}: {detail}" if path else str(detail)


def _step(path: str, name: str) -> str:
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else name
