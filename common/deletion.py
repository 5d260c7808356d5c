"""The page that every deletion goes through: what uses the thing, what will happen, and its name to
be typed where that is worth a second thought. Works without script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common import htmx
from common.usage import CannotDelete, InUse, Use, uses_of

TEMPLATE = "ui/delete_page.html"


class TypedNameForm(forms.Form):
    typed_name = forms.CharField(required=False, strip=True)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["typed_name"].label = f"Type {expected} to confirm"
        self.fields["typed_name"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"]
        if typed != self.expected:
            raise forms.ValidationError(f"This is not the name: {self.expected}")
        return typed


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """`act` deletes or raises `InUse` or `CannotDelete`. `back` is where a person goes who keeps the
    thing, `done` where one goes afterwards. `section` is the (label, url) above it in the page's path.
    `uses` finds what stands against it before anybody asks."""

    subject: models.Model
    noun: str
    consequence: str
    act: Callable[[], None]
    back: str
    done: str
    section: tuple[str, str]
    typed: bool = True
    uses: Callable[[models.Model], list[Use]] = uses_of


def delete_page(request: HttpRequest, deletion: Deletion) -> HttpResponse:
    """GET asks, POST deletes; 422 for a wrong name, 409 with the reasons where it is refused."""
    name = str(deletion.subject)
    form = TypedNameForm(request.POST or None, expected=name) if deletion.typed else None
    if request.method != "POST":
        return _page(request, deletion, form=form, uses=deletion.uses(deletion.subject))
    if form is not None and not form.is_valid():
        return _page(request, deletion, form=form, status=422)
    try:
        deletion.act()
    except InUse as refusal:
        return _page(request, deletion, form=form, uses=refusal.uses, status=409)
    except CannotDelete as refusal:
        return _page(request, deletion, form=form, refusal=str(refusal), status=409)
    messages.success(request, f"Deleted {deletion.noun} {name}.")
    return htmx.redirect(request, deletion.done)


def _page(
    request: HttpRequest,
    deletion: Deletion,
    *,
    form: forms.Form | None,
    uses: list[Use] | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"deletion": deletion, "form": form, "uses": uses or [], "refusal": refusal}
    return render(request, TEMPLATE, context, status=status)
