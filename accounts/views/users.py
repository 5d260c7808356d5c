from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import selectors
from accounts.forms import NewUserForm, PasswordPair, UserForm
from accounts.models import User
from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from accounts.services import users
from common import htmx

PER_PAGE = 50
LIST, CREATE, EDIT = "accounts/user_list.html", "accounts/user_create.html", "accounts/user_edit.html"


@require_GET
def user_list(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_USER)
    found = Paginator(selectors.users(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, LIST, {"page_obj": found})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def user_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_USER)
    form = NewUserForm(request.POST or None)
    if not form.is_valid():
        return render(request, CREATE, {"form": form}, status=422 if form.is_bound else 200)
    data = form.cleaned_data
    created = users.create(
        username=data["username"],
        password=data["new_password"],
        role=data["role"],
        display_name=data["display_name"],
        email=data["email"],
        user=request.user,
    )
    messages.success(request, f"Created user {created.username}.")
    return htmx.redirect(request, reverse("user_list"))


@require_http_methods(["GET", "POST"])
def user_edit(request: PageRequest, pk: int) -> HttpResponse:
    require(request.user, Permission.EDIT_USER)
    person = get_object_or_404(User, pk=pk)
    form = UserForm(request.POST or None, initial=_initial(person))
    if not form.is_valid():
        return _edit_page(request, person, form=form)
    try:
        users.edit(person, user=request.user, **form.cleaned_data)
    except users.LastAdministrator as refusal:
        form.add_error(None, str(refusal))
        return _edit_page(request, person, form=form)
    messages.success(request, f"Saved user {person.username}.")
    return htmx.redirect(request, reverse("user_list"))


@sensitive_post_parameters()
@require_http_methods(["POST"])
def user_password(request: PageRequest, pk: int) -> HttpResponse:
    """A new password for somebody who forgot theirs."""
    require(request.user, Permission.EDIT_USER)
    person = get_object_or_404(User, pk=pk)
    form = PasswordPair(request.POST, person=person)
    if not form.is_valid():
        return _edit_page(request, person, password_form=form)
    users.set_password(person, password=form.cleaned_data["new_password"], user=request.user)
    messages.success(request, f"Changed the password of {person.username}.")
    return htmx.redirect(request, reverse("user_list"))


def _initial(person: User) -> dict[str, object]:
    return {
        "display_name": person.display_name,
        "email": person.email,
        "role": person.role,
        "is_active": person.is_active,
    }


def _edit_page(
    request: PageRequest,
    person: User,
    *,
    form: UserForm | None = None,
    password_form: PasswordPair | None = None,
) -> HttpResponse:
    form = form or UserForm(initial=_initial(person))
    password_form = password_form or PasswordPair(person=person)
    context = {"person": person, "form": form, "password_form": password_form}
    is_bad = form.is_bound or password_form.is_bound
    return render(request, EDIT, context, status=422 if is_bad else 200)
