import json

import pytest
from django.http import HttpResponse
from django.template import engines
from django.test import override_settings
from django_htmx.middleware import HtmxDetails

from common import htmx

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.locmem.Loader",
                            {
                                "list.html": "{% load partials %}<h1>All</h1>"
                                "{% partialdef rows inline %}<p>{{ name }}</p>{% endpartialdef %}"
                            },
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]


@pytest.fixture(autouse=True)
def _templates():
    with override_settings(TEMPLATES=TEMPLATES):
        yield
    engines.__dict__.pop("templates", None)


@pytest.fixture
def request_of(rf):
    def make(**headers):
        request = rf.get("/", headers=headers)
        request.htmx = HtmxDetails(request)
        return request

    return make


def test_a_browser_gets_the_page(request_of):
    response = htmx.page(request_of(), "list.html", {"name": "a"}, partial="rows")
    assert response.content == b"<h1>All</h1><p>a</p>"
    assert response.headers["Vary"] == "HX-Request"


def test_htmx_gets_the_partial(request_of):
    response = htmx.page(request_of(**{"HX-Request": "true"}), "list.html", {"name": "a"}, partial="rows")
    assert response.content == b"<p>a</p>"
    assert response.headers["Vary"] == "HX-Request"


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_a_boosted_link_and_a_restored_page_get_all_of_it(request_of, header):
    request = request_of(**{"HX-Request": "true", header: "true"})
    assert b"<h1>" in htmx.page(request, "list.html", {}, partial="rows").content


def test_invalid_and_stale_say_so_in_their_status(request_of):
    assert htmx.invalid(request_of(), "list.html", {}).status_code == 422
    assert htmx.stale(request_of(), "list.html", {}, partial="rows").status_code == 409


def test_redirect_works_with_and_without_htmx(request_of, rf):
    assert htmx.redirect(request_of(**{"HX-Request": "true"}), "/tasks/").headers["HX-Redirect"] == "/tasks/"
    plain = htmx.redirect(rf.get("/"), "/tasks/")
    assert (plain.status_code, plain.headers["Location"]) == (302, "/tasks/")


def test_toast_keeps_the_other_events():
    response = HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"saved": {}})})

    htmx.toast(response, "Saved", "All of it")

    assert json.loads(response.headers["HX-Trigger"]) == {
        "saved": {},
        "octo:toast": {"title": "Saved", "body": "All of it", "kind": "ok"},
    }
