"""The shell's own templates: what a page gets without doing anything, also where there is no context."""

import re
from types import SimpleNamespace

import pytest
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string


def item(label, *, active=False, count=None):
    return {"label": label, "url": f"/{label.lower()}/", "icon": "boxes", "active": active, "count": count}


SHELL = {
    "theme": "dark",
    "space": SimpleNamespace(pk=1, name="Default"),
    "spaces": [],
    "server": {"name": "ops", "version": "1.0", "healthy": True, "agents_connected": 2},
    "nav": [
        {
            "label": "Infrastructure",
            "items": [item("Pools", active=True, count=7), item("Workers")],
        }
    ],
}


@pytest.fixture
def request_(rf):
    request = rf.get("/pools/")
    request.csp_nonce = "n0nce"
    request.user = AnonymousUser()
    return request


def show(request, name, **context):
    return render_to_string(name, {"request": request, "shell": SHELL} | context)


def test_shell_marks_the_current_page(request_):
    html = show(request_, "base.html")
    assert re.search(r'href="/pools/" aria-current="page"', html)
    assert '<span class="n">7</span>' in html
    assert html.count('class="n"') == 1


def test_theme_nonce_and_token_are_in_the_page(request_):
    html = show(request_, "base.html")
    assert 'data-theme="dark"' in html
    assert '<meta name="csp-nonce" content="n0nce">' in html
    assert "X-CSRFToken" in html


@pytest.mark.parametrize("page", ["base.html", "404.html", "500.html", "registration/login.html"])
def test_nothing_inline_that_the_policy_forbids(request_, page):
    html = show(request_, page, form=AuthenticationForm())
    assert not re.search(r'\sstyle="|\son\w+="|hx-on', html)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


def test_space_switcher_appears_with_the_second_space(request_):
    spaces = [
        SimpleNamespace(pk=1, name="Default", url="/"),
        SimpleNamespace(pk=2, name="Data", url="/s/data/"),
    ]
    html = show(request_, "base.html", shell=SHELL | {"spaces": spaces})
    assert 'href="/s/data/"' in html
    assert 'id="spaces"' not in show(request_, "base.html")


@pytest.mark.parametrize("status", ["400", "403", "403_csrf", "404", "409"])
def test_error_pages_keep_the_shell_where_there_is_one(request_, status):
    assert 'id="side"' in show(request_, f"{status}.html")
    assert 'id="side"' not in show(request_, f"{status}.html", shell={})


@pytest.mark.parametrize("status", ["400", "403", "404", "409", "500"])
def test_error_pages_need_no_context(status):
    html = render_to_string(f"{status}.html")
    assert "<h1>" in html
    assert 'id="side"' not in html


def test_messages_become_toasts_and_errors_callouts(request_):
    messages = [SimpleNamespace(level_tag="success", __str__=None), SimpleNamespace(level_tag="error")]
    html = show(request_, "ui/messages.html", messages=messages)
    assert '<template data-toast="ok">' in html
    assert '<div class="call bad page-call" role="alert">' in html
