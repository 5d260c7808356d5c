"""A client of the API with a key of its own."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import api_keys


class Api:
    """A client with a key; paths as clients write them. `get` and the others give status and body."""

    def __init__(self, key: str = "", *, header: str = "X-Octopus-ApiKey") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {header: key} if key else {}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = self.response(method, path, body, **headers)
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            return answer.status_code, json.loads(answer.content) if answer.content else None
        text = answer.getvalue() if answer.streaming else answer.content
        return answer.status_code, text.decode()

    def response(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        content: dict[str, Any] = {} if body is None else {"data": data, "content_type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, path, headers=self.headers | named, **content)

    def get(self, path: str, **headers: str) -> Any:
        """The body of an answer that must be a success."""
        return self.ok("GET", path, **headers)

    def post(self, path: str, body: Any = None) -> Any:
        return self.ok("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self.ok("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.ok("DELETE", path)

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, found = self.send(method, path, body, **headers)
        assert status < 300, (method, path, status, found)
        return found

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and all that is said, of an answer that must be a refusal."""
        status, found = self.send(method, path, body)
        assert status >= 400, (method, path, status, found)
        assert isinstance(found["Errors"], list)
        return status, "\n".join([found["ErrorMessage"], *found["Errors"]])


def api_of(user: User) -> Api:
    _, text = api_keys.create(owner=user, purpose="Tests", now=timezone.now(), user=user)
    return Api(text)
