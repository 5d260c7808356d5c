"""The API describes itself: completely, for programs and for people."""

from __future__ import annotations

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.views import APIView

from octoworkers.api import description
from octoworkers.api.unknown import UnknownView


def test_it_is_valid_and_nothing_was_guessed(db):
    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(request=None, public=True)

    validate_schema(schema)
    assert not GENERATOR_STATS


def test_every_address_is_in_it(db):
    documented = description.openapi()["paths"]

    missing = {
        route for route in api_routes() if "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route) not in documented
    }

    assert missing == {"api/openapi", "api/agents/enrol"}


def api_routes() -> set[str]:
    return set(_walk(get_resolver().url_patterns, ""))


def _walk(patterns, prefix):
    for one in patterns:
        route = f"{prefix}{one.pattern}"
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, route)
        elif isinstance(one, URLPattern) and route.startswith("api"):
            view = getattr(one.callback, "cls", None) or getattr(one.callback, "view_class", None)
            if view and issubclass(view, APIView) and view is not UnknownView:
                yield route


@pytest.mark.parametrize(("path", "method"), [("/api/projects", "post"), ("/api/tasks/{ref}/cancel", "post")])
def test_operations_say_who_may_and_what_goes_wrong(db, path, method):
    operation = description.openapi()["paths"][path][method]

    assert {"ApiKey": []} in operation["security"]
    assert {"400", "401", "403", "404", "409", "429"} <= operation["responses"].keys()
    ok = next(code for code in operation["responses"] if code < "300")
    assert "RateLimit-Remaining" in operation["responses"][ok]["headers"]


def test_programs_read_it(api, stranger):
    assert api.get("/api/openapi")["openapi"].startswith("3.")
    assert stranger.refused("GET", "/api/openapi")[0] == 401


def test_people_read_it(as_user, viewer, client, space):
    reader = as_user(viewer)

    front = reader.get("/api/docs").content.decode()
    page = reader.get("/api/docs?tag=projects").content.decode()

    assert "?tag=projects" in front
    assert "/api/projects/{ref}" in page
    assert "TenantedDeploymentMode" in page
    assert reader.get("/api/docs?tag=nothing").status_code == 404
    assert client.get("/api/docs").status_code == 302
