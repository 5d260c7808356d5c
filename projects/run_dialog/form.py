"""What is chosen in the run dialog."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.models import User
from environments.models import Environment
from projects.models import TenantedMode
from projects.run_dialog.dialog import RunDialog
from tenants.models import Tenant


def _errors(**messages: str) -> dict[str, str]:
    """One sentence for an id of nothing and for what is no id at all."""
    return {
        **messages,
        "invalid_pk_value": messages["invalid_choice"],
        "invalid_list": messages["invalid_choice"],
    }


class RunForm(forms.Form):
    """Environments, tenants and the source: only those of the project and its space are choices."""

    environments = forms.ModelMultipleChoiceField(
        queryset=Environment.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages=_errors(
            required="Choose at least one environment.",
            invalid_choice="One of these environments does not exist here. Choose again.",
        ),
    )
    tenants = forms.ModelMultipleChoiceField(
        queryset=Tenant.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=_errors(
            invalid_choice="One of these tenants is not connected to this project. Choose again."
        ),
    )
    source = forms.ChoiceField(
        error_messages={"invalid_choice": "What you chose to run does not exist any more. Choose again."}
    )

    def __init__(self, *, dialog: RunDialog, user: User, data: QueryDict | None = None) -> None:
        self.chosen, self.user = _with_source(dialog, data), user
        super().__init__(self.chosen)
        project = dialog.project
        environments = Environment.objects.visible_to(user).in_space(project.space)
        tenants = Tenant.objects.visible_to(user).filter(project_links__project=project, is_disabled=False)
        if project.tenanted_mode == TenantedMode.UNTENANTED:
            tenants = tenants.none()
        self._offer("environments", environments)
        self._offer("tenants", tenants)
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)  # noqa: S101  # so declared above
        source.choices = [(one.value, one.label) for one in dialog.sources]

    def _offer(self, name: str, rows: QuerySet[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  # so declared above
        field.queryset = rows

    def options(self, name: str) -> list[tuple[Any, bool]]:
        """Each thing that can be chosen, and whether it is, also where the form is not valid."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  # so declared above
        chosen = set(self.chosen.getlist(name))
        return [(thing, str(thing.pk) in chosen) for thing in field.queryset or ()]


def _with_source(dialog: RunDialog, data: QueryDict | None) -> QueryDict:
    """The choices so far; the first source is the one meant where none is named."""
    chosen = QueryDict(mutable=True) if data is None else data.copy()
    if not chosen.get("source") and dialog.sources:
        chosen["source"] = dialog.sources[0].value
    return chosen
