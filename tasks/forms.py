from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space, SpaceOwned
from tasks.models import ACTIVE, TaskState
from tasks.selectors import log_search
from tasks.selectors.tasks import Filters
from tenants.models import Tenant
from workers.models import Machine

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
#: How long ago the list may begin; DATES stands for two days that somebody names.
DATES = "dates"
AGES = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
}
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(9000, 1, 1)


_MODELS: dict[str, type[SpaceOwned]] = {
    "environment": Environment,
    "tenant": Tenant,
    "pool": WorkerPool,
    "worker": Machine,
}


def _day(label: str) -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input", "aria-label": label})


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
    worker = forms.ModelChoiceField(Machine.objects.none(), required=False, empty_label="All workers")
    when = forms.ChoiceField(
        choices=[("", "Any time"), *((key, label) for key, (label, _) in AGES.items()), (DATES, "Dates ...")],
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
    )
    since = forms.DateField(required=False, widget=_day("From"))
    until = forms.DateField(required=False, widget=_day("To"))
    who = forms.CharField(max_length=150, required=False)
    runbook = forms.IntegerField(min_value=1, required=False)
    ids = forms.RegexField(r"^[0-9, ]{1,5000}$", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, space: Space, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in _MODELS.items():
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
            worker_id=_pk(data.get("worker")),
            **_span(data),
            who=data.get("who") or "",
            text=(data.get("text") or "").strip(),
            ids=parse_ids(data.get("ids") or ""),
        )

    def normal(self) -> str:
        """The filters that make sense, as a query in a fixed order."""
        self.is_valid()
        wanted = [(name, str(self.data.get(name))) for name in self.fields if self.cleaned_data.get(name)]
        return urlencode(wanted)


class SavedViewForm(forms.Form):
    name = forms.CharField(max_length=60, error_messages={"required": "Give the view a name."})
    query = forms.CharField(max_length=6000, error_messages={"required": "Choose filters first."})

    def normal_query(self, *, space: Space, user: Any) -> str:
        """As the list writes it; of whatever was sent, only what is a filter."""
        return TaskFilterForm(QueryDict(self.cleaned_data["query"]), space=space, user=user).normal()


class LogSearchForm(forms.Form):
    """What to search a log for, out of the address."""

    q = forms.CharField(label="Search for", max_length=log_search.MAX_PATTERN, required=False, strip=False)
    regex = forms.BooleanField(label="Regular expression", required=False)
    case = forms.BooleanField(label="Match case", required=False)
    level = forms.MultipleChoiceField(
        label="Levels",
        choices=[(name, name.capitalize()) for name in log_search.LEVELS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    step = forms.IntegerField(min_value=1, required=False)

    def query(self) -> log_search.Query:
        """Raises `log_search.BadPattern`."""
        if not self.is_valid():
            [problem, *_] = [str(text) for texts in self.errors.values() for text in texts]
            raise log_search.BadPattern(problem)
        data = self.cleaned_data
        return log_search.Query(
            text=data["q"],
            is_regex=data["regex"],
            is_case_sensitive=data["case"],
            levels=frozenset(data["level"]),
        )


def parse_ids(text: str) -> tuple[int, ...]:
    numbers = (part for part in text.replace(",", " ").split() if part.isdecimal() and len(part) < 19)
    return tuple(int(number) for number in numbers)[:MAX_IDS]


def _span(data: dict[str, Any]) -> dict[str, datetime]:
    """From when until when, in the server's zone; both days that are named belong to it."""
    when = data.get("when") or ""
    if when in AGES:
        return {"since": timezone.now() - AGES[when][1]}
    if when != DATES:
        return {}
    days = {"since": data.get("since"), "until": data.get("until")}
    return {name: _midnight(day, after=name == "until") for name, day in days.items() if day}


def _midnight(day: date, *, after: bool) -> datetime:
    return timezone.make_aware(datetime.combine(min(max(day, _FIRST_DAY), _LAST_DAY), time.min)) + timedelta(
        days=after
    )


def _pk(row: Any) -> int | None:
    return row.pk if row else None


class NodeForm(forms.Form):
    task_cap = forms.IntegerField(
        label="Task cap",
        min_value=0,
        max_value=10_000,
        help_text="Tasks that it runs at once; further ones wait in the queue. What runs goes on.",
    )


class DrainForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="For whoever wonders why this node takes nothing.")
