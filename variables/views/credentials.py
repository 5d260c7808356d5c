"""Accounts and certificates in the library of a space."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from common.usage import uses_of
from domain.accounts import sub_values
from spaces.models import SpaceOwnedQuerySet
from variables.credential_forms import AccountForm, CertificateForm
from variables.models import Account, Certificate
from variables.services import credentials

PER_PAGE = 50


@require_safe
def account_list(request: PageRequest) -> HttpResponse:
    rows = Account.objects.visible_to(request.user).in_space(request.space)
    return _list(request, rows, "variables/account_list.html")


@require_http_methods(["GET", "HEAD", "POST"])
def account_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_CREDENTIAL)
    form = AccountForm(request.POST or None, space=request.space)
    if not form.is_valid():
        return _account_page(request, form)
    account = credentials.create_account(
        space=request.space,
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        kind=form.spec,
        fields={name: value or "" for name, value in form.values().items()},
        user=request.user,
    )
    messages.success(request, f"Created account {account}.")
    return htmx.redirect(request, reverse("account_list"))


@require_http_methods(["GET", "HEAD", "POST"])
def account_edit(request: PageRequest, slug: str) -> HttpResponse:
    account = _account(request, slug)
    if request.method == "POST":
        require(request.user, Permission.EDIT_CREDENTIAL, account)
    form = AccountForm(request.POST or None, space=request.space, instance=account)
    if not form.is_valid():
        return _account_page(request, form, account)
    credentials.edit_account(
        account,
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        fields=form.values(),
        user=request.user,
    )
    messages.success(
        request, f"Saved account {account}. What uses it gets the new values from its next run on."
    )
    return htmx.redirect(request, reverse("account_list"))


@require_http_methods(["GET", "HEAD", "POST"])
def account_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_CREDENTIAL)
    return _delete(request, _account(request, slug), "account", "Accounts")


@require_safe
def certificate_list(request: PageRequest) -> HttpResponse:
    rows = Certificate.objects.visible_to(request.user).in_space(request.space)
    return _list(request, rows, "variables/certificate_list.html")


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_CREDENTIAL)
    form = CertificateForm(request.POST or None, request.FILES or None, space=request.space)
    if not form.is_valid() or form.content is None:
        return _certificate_page(request, form)
    certificate = credentials.create_certificate(
        space=request.space,
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        content=form.content,
        user=request.user,
    )
    messages.success(request, f"Added certificate {certificate}.")
    return htmx.redirect(request, reverse("certificate_list"))


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_edit(request: PageRequest, slug: str) -> HttpResponse:
    certificate = _certificate(request, slug)
    if request.method == "POST":
        require(request.user, Permission.EDIT_CREDENTIAL, certificate)
    form = CertificateForm(
        request.POST or None, request.FILES or None, space=request.space, instance=certificate
    )
    if not form.is_valid():
        return _certificate_page(request, form, certificate)
    credentials.edit_certificate(
        certificate,
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        content=form.content,
        user=request.user,
    )
    messages.success(request, f"Saved certificate {certificate}.")
    return htmx.redirect(request, reverse("certificate_list"))


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_CREDENTIAL)
    return _delete(request, _certificate(request, slug), "certificate", "Certificates")


def _account(request: PageRequest, slug: str) -> Account:
    rows = Account.objects.visible_to(request.user).in_space(request.space)
    found: Account = get_object_or_404(rows, slug=slug)
    return found


def _certificate(request: PageRequest, slug: str) -> Certificate:
    rows = Certificate.objects.visible_to(request.user).in_space(request.space)
    found: Certificate = get_object_or_404(rows, slug=slug)
    return found


def _list(request: PageRequest, rows: SpaceOwnedQuerySet, template: str) -> HttpResponse:
    context = {
        "page_obj": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "may_edit": can(request.user, Permission.EDIT_CREDENTIAL),
        "now": timezone.now(),
    }
    return render(request, template, context)


def _account_page(request: PageRequest, form: AccountForm, account: Account | None = None) -> HttpResponse:
    context = {
        "form": form,
        "account": account,
        "may_edit": can(request.user, Permission.EDIT_CREDENTIAL, account),
        "parts": sub_values(account.spec, account.fields) if account else (),
        "uses": uses_of(account) if account else [],
    }
    status = 422 if form.is_bound else 200
    return render(request, "variables/account_form.html", context, status=status)


def _certificate_page(
    request: PageRequest, form: CertificateForm, certificate: Certificate | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "certificate": certificate,
        "may_edit": can(request.user, Permission.EDIT_CREDENTIAL, certificate),
        "parts": credentials.certificate_parts(certificate) if certificate else (),
        "uses": uses_of(certificate) if certificate else [],
        "now": timezone.now(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "variables/certificate_form.html", context, status=status)


def _delete(request: PageRequest, subject: Account | Certificate, noun: str, plural: str) -> HttpResponse:
    listing = reverse(f"{noun}_list")
    deletion = Deletion(
        subject=subject,
        noun=noun,
        consequence=f"The {noun} and its secrets are deleted. Releases that use it cannot run any more.",
        act=partial(credentials.delete, subject, user=request.user),
        back=reverse(f"{noun}_edit", args=[subject.slug]),
        done=listing,
        section=(plural, listing),
        typed=False,
    )
    return delete_page(request, deletion)
