import re

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse

from common.csp import ContentSecurityPolicyMiddleware, policy


def answer(request):
    return HttpResponse(request.csp_nonce)


async def answer_later(request):
    return HttpResponse(request.csp_nonce)


def test_page_gets_the_strict_policy_with_its_own_nonce(rf):
    response = ContentSecurityPolicyMiddleware(answer)(rf.get("/"))

    header = response.headers["Content-Security-Policy"]
    assert f"'nonce-{response.content.decode()}'" in header
    assert "default-src 'none'" in header
    assert "unsafe" not in header


def test_every_request_has_another_nonce(rf):
    middleware = ContentSecurityPolicyMiddleware(answer)
    nonces = {middleware(rf.get("/")).content for _ in range(20)}
    assert len(nonces) == 20


def test_only_the_admin_may_use_style_attributes():
    assert "style-src 'self' 'unsafe-inline'" in policy(path="/admin/pools/", nonce="x")
    assert "unsafe-inline" not in policy(path="/administrators/", nonce="x")
    assert "script-src 'self';" in policy(path="/admin/", nonce="x")


@pytest.mark.parametrize("header", ["X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"])
def test_other_security_headers(rf, header):
    assert header in ContentSecurityPolicyMiddleware(answer)(rf.get("/")).headers


def test_header_of_the_view_wins(rf):
    def view(request):
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    response = ContentSecurityPolicyMiddleware(view)(rf.get("/"))
    assert response.headers["Content-Security-Policy"] == "sandbox"


async def test_async_chain(rf):
    middleware = ContentSecurityPolicyMiddleware(answer_later)
    assert iscoroutinefunction(middleware)
    response = await middleware(rf.get("/"))
    assert re.search(r"'nonce-[\w-]{20,}'", response.headers["Content-Security-Policy"])
