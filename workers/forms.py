from __future__ import annotations

from typing import Any

from django import forms

from pools.models import WorkerPool
from spaces.forms import NamedForm
from spaces.models import Space
from workers.models import Machine

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
