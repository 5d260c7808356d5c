"""What everybody may change about themselves."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms import AccountForm, OwnPasswordForm
from accounts.requests import PageRequest
from accounts.services import users
from common import htmx

TEMPLATE = "accounts/account.html"
COOKIE = "theme"
YEAR = 365 * 86_400


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account(request: PageRequest) -> HttpResponse:
    """Two forms on one page; the name of the button that was pressed says which was sent."""
    if request.method == "POST" and "change_password" in request.POST:
        return _password(request)
    return _profile(request)


def _profile(request: PageRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, initial=_initial(request))
    if not form.is_valid():
        return _page(request, form, OwnPasswordForm(person=request.user), is_bad=form.is_bound)
    users.edit_own(
        request.user,
        display_name=form.cleaned_data["display_name"],
        single_key_shortcuts=form.cleaned_data["single_key_shortcuts"],
    )
    messages.success(request, "Saved your account.")
    return _with_theme(request, htmx.redirect(request, reverse("account")), form.cleaned_data["theme"])


def _password(request: PageRequest) -> HttpResponse:
    form = OwnPasswordForm(request.POST, person=request.user)
    if not form.is_valid():
        return _page(request, AccountForm(initial=_initial(request)), form, is_bad=True)
    users.set_password(request.user, password=form.cleaned_data["new_password"], user=request.user)
    update_session_auth_hash(request, request.user)
    messages.success(request, "Changed your password. Other browsers have to sign in again.")
    return htmx.redirect(request, reverse("account"))


def _initial(request: PageRequest) -> dict[str, object]:
    return {
        "display_name": request.user.display_name,
        "single_key_shortcuts": request.user.single_key_shortcuts,
        "theme": request.COOKIES.get(COOKIE, "system"),
    }


def _with_theme(request: PageRequest, response: HttpResponse, theme: str) -> HttpResponse:
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(COOKIE, theme, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response


def _page(
    request: PageRequest, form: AccountForm, password_form: OwnPasswordForm, *, is_bad: bool
) -> HttpResponse:
    context = {"form": form, "password_form": password_form}
    return render(request, TEMPLATE, context, status=422 if is_bad else 200)
