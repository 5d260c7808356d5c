"""A folder of configuration, applied in one transaction: all of it, or nothing.

`octo.folder` does it, as the client would over the network; its requests are answered here, within the
transaction, as the person who asked.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import httpx
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, resolve
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView
from common.api import errors
from common.api.errors import Conflict
from common.api.serializers import STRING, Body, Text
from octo.failures import Failure, Refused
from octo.folder import files
from octo.folder.applying import Applier
from octo.folder.plan import Plan, digest
from octo.server import Server
from octo.settings import Login
from octoworkers.api.middleware import ApiMiddleware

#: In one transaction, during which nobody else writes to a SQLite database.
MOST_CHANGES = 500
MOST_FILES = 5000
CHANGED = "The server has changed since the plan was made. Plan again."


class ApplyBody(Body):
    """`Files` by their paths in the folder; `Secrets` by the names that `ValueFrom` has. `Plan` is the digest
    of the plan that was looked at, empty where nobody looked."""

    Files = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), source="files"
    )
    Delete = serializers.BooleanField(source="delete", default=False)
    AllSecrets = serializers.BooleanField(source="all_secrets", default=False)
    Secrets = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        source="secrets",
        required=False,
        default=dict,
    )
    Plan = Text(source="plan", max_length=100)

    def validate_Files(self, value: dict[str, str]) -> dict[str, str]:  # noqa: N802  # DRF's name
        if len(value) > MOST_FILES:
            raise ValidationError(f"Send at most {MOST_FILES} files.")
        return value


class Refusal(APIException):
    """What `octo.folder` says, with the status that it had."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.status_code = failure.status if isinstance(failure, Refused) else 400


class ApplyView(ApiView):
    tag = "configuration"

    def get_exception_handler(self) -> Any:
        return _handle

    @extend_schema(
        request=ApplyBody,
        responses={
            "type": "object",
            "properties": {
                "Changes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"Verb": STRING, "Kind": STRING, "Name": STRING, "Project": STRING},
                    },
                }
            },
        },
    )
    def post(self, request: Request) -> Response:
        """Makes the space as the files say, in one transaction: where a right is missing, nothing changes."""
        data = self.body(ApplyBody)
        with tempfile.TemporaryDirectory() as name:
            try:
                changes = self._apply(Path(name), data)
            except Failure as failure:
                raise Refusal(failure) from failure
        return Response(
            {
                "Changes": [
                    {
                        "Verb": change.verb.value,
                        "Kind": change.key.kind,
                        "Name": change.key.name,
                        "Project": change.key.project,
                    }
                    for change in changes
                ]
            }
        )

    def _apply(self, folder: Path, data: dict[str, Any]) -> list[Any]:
        files.lay_out(data["files"], folder)
        login = Login("http://within", "", self.space.slug)
        with Server(login, patience=0, transport=Within(self.request)) as server:
            plan = Plan(server, folder)
            secrets = plan.secrets(data["secrets"], all=data["all_secrets"])
            changes = plan.chosen(delete=data["delete"], secrets=secrets)
            if data["plan"] and data["plan"] != digest(changes):
                raise Conflict(CHANGED)
            if len(changes) > MOST_CHANGES:
                raise ValidationError(
                    f"These are {len(changes)} changes; at most {MOST_CHANGES} are made at once. Apply a "
                    "part of the folder."
                )
            with transaction.atomic():
                Applier(plan.reader, secrets).apply(changes)
                plan.verify(delete=data["delete"])
        return changes


def _handle(exception: Exception, context: Any) -> Any:
    if isinstance(exception, Refusal):
        failure = exception.failure
        return Response(
            errors.body(failure.message, [failure.message, *failure.details]), status=exception.status_code
        )
    return errors.handle(exception, context)


class Within(httpx.BaseTransport):
    """Answers requests as the API does, for the one who made the outer request and on the same connection to
    the database. They are part of that request, so they count for no limit of their own."""

    def __init__(self, outer: Request) -> None:
        self._outer = outer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = ApiMiddleware(_answer)(self._inner(request, request.read()))
        return httpx.Response(answer.status_code, headers=list(answer.items()), content=answer.content)

    def _inner(self, request: httpx.Request, body: bytes) -> HttpRequest:
        outer = self._outer._request
        path, _, query = request.url.raw_path.decode().partition("?")
        environ = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": httpx.URL(path).path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "within",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": outer.META.get("REMOTE_ADDR", ""),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        inner = WSGIRequest(environ)
        inner.space = outer.space  # type: ignore[attr-defined]  # as the middleware of the pages sets it
        inner._force_auth_user = self._outer.user  # type: ignore[attr-defined]  # REST framework takes it
        inner._force_auth_token = self._outer.auth  # type: ignore[attr-defined]
        inner.is_within = True  # type: ignore[attr-defined]
        return inner


def _answer(request: HttpRequest) -> HttpResponse:
    match = resolve(request.path_info)
    answer: Any = match.func(request, *match.args, **match.kwargs)
    if hasattr(answer, "render"):
        answer.render()
    return answer  # type: ignore[no-any-return]


ROUTES = [path("configuration/apply", ApplyView.as_view())]
