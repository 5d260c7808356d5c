from __future__ import annotations

from typing import Any

from django import forms

from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space
from tasks.models import ACTIVE, TaskState
from tasks.selectors.tasks import Filters
from tenants.models import Tenant

#: What the buttons above the list stand for.
STATE_GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("All", ()),
    "running": ("Running", tuple(ACTIVE)),
    "queued": ("Queued", (TaskState.QUEUED,)),
    "failed": ("Failed", (TaskState.FAILED, TaskState.TIMED_OUT)),
    "success": ("Succeeded", (TaskState.SUCCESS,)),
    "cancelled": ("Cancelled", (TaskState.CANCELED,)),
}
MAX_IDS = 500


class TaskFilterForm(forms.Form):
    """The list's filters out of the address. What makes no sense there is passed over."""

    state = forms.ChoiceField(
        choices=[(key, label) for key, (label, _) in STATE_GROUPS.items()], required=False
    )
    text = forms.CharField(max_length=100, required=False)
    project = forms.IntegerField(min_value=1, required=False)
    environment = forms.ModelChoiceField(
        Environment.objects.none(), required=False, empty_label="All environments"
    )
    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label="All tenants")
    pool = forms.ModelChoiceField(WorkerPool.objects.none(), required=False, empty_label="All pools")
    who = forms.CharField(max_length=150, required=False)
    runbook = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    ids = forms.RegexField(r"^[0-9, ]{1,5000}$", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, space: Space, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in (("environment", Environment), ("tenant", Tenant), ("pool", WorkerPool)):
            field = self._choices(name)
            field.queryset = model.objects.visible_to(user).in_space(space)
            field.widget.attrs["class"] = "select"

    def _choices(self, name: str) -> forms.ModelChoiceField[Any]:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # so declared above
        return field

    def filters(self) -> Filters:
        self.is_valid()
        data = self.cleaned_data
        return Filters(
            states=STATE_GROUPS[data.get("state") or ""][1],
            project_id=data.get("project"),
            runbook_id=data.get("runbook"),
            environment_id=_pk(data.get("environment")),
            tenant_id=_pk(data.get("tenant")),
            pool_id=_pk(data.get("pool")),
            who=data.get("who") or "",
            text=(data.get("text") or "").strip(),
            ids=parse_ids(data.get("ids") or ""),
        )


def parse_ids(text: str) -> tuple[int, ...]:
    numbers = (part for part in text.replace(",", " ").split() if part.isdecimal() and len(part) < 19)
    return tuple(int(number) for number in numbers)[:MAX_IDS]


def _pk(row: Any) -> int | None:
    return row.pk if row else None
