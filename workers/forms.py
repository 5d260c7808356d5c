from __future__ import annotations

from typing import Any

from django import forms

from domain.targets import BadTag, clean_tags, tags_in
from environments.models import Environment
from pools.models import WorkerPool
from spaces.forms import NamedForm
from spaces.models import Space
from tenants.models import Tenant
from workers.models import Machine, Participation
from workers.selectors import targets as selectors
from workers.services import targets
from workers.services.targets import Registration

MAX_SLOTS = 1000
DEFAULT_SLOTS = 10


class PoolsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """Worker pools of one space, as boxes; the form sets the queryset."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(WorkerPool.objects.none(), widget=forms.CheckboxSelectMultiple, **kwargs)


class SlotsField(forms.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "How many steps may run on it at once.")
        super().__init__(min_value=1, max_value=MAX_SLOTS, **kwargs)


def _offer_pools(form: forms.Form, space: Space) -> None:
    field = form.fields["pools"]
    assert isinstance(field, PoolsField)  # noqa: S101 - both forms declare it
    field.queryset = WorkerPool.objects.in_space(space)


class EnrolmentForm(forms.Form):
    """Where the new worker goes."""

    pools = PoolsField(label="Worker pools", error_messages={"required": "Choose at least one pool."})
    slots = SlotsField(initial=DEFAULT_SLOTS)

    def __init__(self, *args: Any, space: Space, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_pools(self, space)


class MachineForm(NamedForm):
    model = Machine

    pools = PoolsField(
        label="Worker pools", required=False, help_text="Without a pool it is given nothing to run."
    )
    slots = SlotsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_pools(self, self.space)

    def values_of(self, instance: Any) -> dict[str, Any]:
        pools = [pool.pk for pool in instance.pools.all()]
        return super().values_of(instance) | {"pools": pools, "slots": instance.slots}


class TargetFields(forms.Form):
    """Where a machine is a deployment target, and for what."""

    environments = forms.ModelMultipleChoiceField(
        Environment.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one environment."},
    )
    tags = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Target tags",
        help_text="What it is there for. Steps name the tags that they deploy to.",
    )
    new_tags = forms.CharField(
        required=False,
        max_length=2000,
        label="New target tags",
        help_text="For example web, database. Separated by commas.",
    )
    participation = forms.ChoiceField(
        choices=Participation.choices,
        initial=Participation.UNTENANTED,
        widget=forms.RadioSelect,
        label="Takes part in",
    )
    tenants = forms.ModelMultipleChoiceField(
        Tenant.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def offer(self, space: Space) -> None:
        """What exists in the space can be chosen; tags that were chosen before stay a choice."""
        self._rows("environments", Environment.objects.in_space(space))
        self._rows("tenants", Tenant.objects.in_space(space))
        known = dict.fromkeys([*selectors.tags_in(space), *self.initial.get("tags", ())])
        self.fields["tags"].choices = [(tag, tag) for tag in known]  # type: ignore[attr-defined]

    def _rows(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101 - tells the type checker
        field.queryset = rows

    def clean_new_tags(self) -> tuple[str, ...]:
        try:
            return tags_in(self.cleaned_data["new_tags"])
        except BadTag as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "new_tags" in data and not data.get("tags") and not data["new_tags"]:
            self.add_error("new_tags", "Give it at least one target tag: steps find it by them.")
        if data.get("participation") == Participation.TENANTED and not data.get("tenants"):
            self.add_error("tenants", "Choose the tenants whose runs it takes part in.")
        return data

    def registration(self) -> Registration:
        """What the valid form says."""
        data = self.cleaned_data
        return Registration(
            environments=data["environments"],
            tags=clean_tags([*data["tags"], *data["new_tags"]]),
            participation=data["participation"],
            tenants=data["tenants"],
        )


class TargetEnrolmentForm(TargetFields):
    """Where the new deployment target goes."""

    slots = SlotsField(initial=targets.DEFAULT_SLOTS)

    def __init__(self, *args: Any, space: Space, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(space)


class TargetForm(NamedForm, TargetFields):
    model = Machine

    slots = SlotsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(self.space)

    def values_of(self, instance: Any) -> dict[str, Any]:
        return super().values_of(instance) | {
            "environments": [one.pk for one in instance.environments.all()],
            "tags": instance.tags,
            "participation": instance.participation,
            "tenants": [one.pk for one in instance.tenants.all()],
            "slots": instance.slots,
        }
