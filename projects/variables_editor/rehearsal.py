"""The form and the answer of a masking rehearsal."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.services import events
from domain.scopes import DEPLOYMENT_PROCESS
from environments.models import Environment
from projects.variables_editor.known import system_values
from projects.variables_editor.preview import PlaceForm
from projects.variables_editor.session import Session
from variables import rehearsal
from variables.services import credentials, variable_sets

LONGEST = 20_000


class RehearsalForm(PlaceForm):
    """A place, and a text as a script could print it."""

    text = forms.CharField(
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Paste what a script prints. It is not stored.",
        error_messages={"required": "Paste a text."},
    )
    field_order = ("text", "environment", "tenant", "process", "step")


def blank(session: Session) -> RehearsalForm:
    first = Environment.objects.visible_to(session.request.user).in_space(session.space).first()
    initial: dict[str, Any] = {"environment": first, "process": DEPLOYMENT_PROCESS}
    return RehearsalForm(session=session, initial=initial)


def answer(session: Session, form: RehearsalForm) -> rehearsal.Rehearsal:
    """For a valid form. The audit keeps that it was asked, not the text."""
    place, data = form.place(), form.cleaned_data
    frozen = session.owner.frozen()
    found = rehearsal.rehearse(
        data["text"].replace("\r\n", "\n"),
        credentials.with_parts(variable_sets.candidates(frozen)),
        place,
        known=system_values(session, place, environment=data["environment"], tenant=data["tenant"]),
    )
    events.record(
        user=session.request.user,
        category="Read",
        subject=session.variable_set,
        space=session.space,
        message=f"Rehearsed what the logs of {session.owner.subject.name} mask.",
    )
    return found
