"""The form of a trigger. What a form cannot know (a taken name, tenants without a link) the view adds."""

from __future__ import annotations

from datetime import time
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings

from accounts.models import User
from domain.schedules import (
    DAY_NAMES,
    INTERVALS,
    LAST_DAY,
    MONDAY_TO_FRIDAY,
    BadSchedule,
    Schedule,
    ScheduleKind,
    check,
)
from environments.models import Environment
from projects.models import Project, TenantedMode
from runbooks.models import ScheduledTrigger
from runbooks.models.trigger import TriggerKind
from tenants.models import Tenant

LAST = "last"

#: What each kind of schedule asks for; the rest of the form is none of its business.
PARTS: dict[str, frozenset[str]] = {
    TriggerKind.DAYS: frozenset({"days", "at"}),
    TriggerKind.EVERY: frozenset({"minutes"}),
    TriggerKind.MONTH_DAYS: frozenset({"month_days", "month_at"}),
    TriggerKind.CRON: frozenset({"cron"}),
}
NO_TIME = {"required": "Choose a time."}


def _time_input() -> forms.TimeInput:
    return forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


@lru_cache(maxsize=1)
def timezones() -> tuple[str, ...]:
    """Names for the list, without those that are kept for old systems only."""
    kept = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ("UTC", *sorted(kept))


class ScheduleForm(forms.Form):
    """When it starts. Of a form without errors, `schedule` is set."""

    kind = forms.ChoiceField(
        label="When", choices=TriggerKind.choices, initial=TriggerKind.DAYS, widget=forms.RadioSelect
    )
    days = forms.TypedMultipleChoiceField(
        label="Days",
        choices=[(number, name) for number, name in enumerate(DAY_NAMES, 1)],
        coerce=int,
        initial=sorted(MONDAY_TO_FRIDAY),
        error_messages={"required": "Choose at least one day."},
        widget=forms.CheckboxSelectMultiple,
    )
    at = forms.TimeField(label="At", initial=time(2, 0), widget=_time_input(), error_messages=NO_TIME)
    minutes = forms.TypedChoiceField(
        label="Every",
        choices=[(n, f"{n} min" if n < 60 else f"{n // 60} h") for n in INTERVALS],
        coerce=int,
        initial=60,
        help_text="Counted from midnight.",
    )
    month_days = forms.CharField(
        label="Days of the month",
        initial="1",
        help_text="Such as 1, 15, last.",
        error_messages={"required": "Choose at least one day of the month."},
    )
    month_at = forms.TimeField(label="At", initial=time(2, 0), widget=_time_input(), error_messages=NO_TIME)
    cron = forms.CharField(
        label="Expression",
        max_length=200,
        error_messages={"required": "Write an expression, such as 0 2 * * MON-FRI."},
        help_text="Minute, hour, day of month, month, day of week; or six fields, with the second first.",
    )
    timezone = forms.CharField(label="Time zone", max_length=64, help_text="Such as Europe/Berlin.")

    schedule: Schedule | None = None
    # What the other kinds of schedule ask for is hidden and may stay empty.
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["timezone"].initial = settings.TIME_ZONE

    def clean_month_days(self) -> frozenset[int]:
        words = str(self.cleaned_data["month_days"]).replace(",", " ").lower().split()
        wrong = [word for word in words if word != LAST and not _is_day(word)]
        if wrong:
            raise forms.ValidationError(
                f"{wrong[0]!r} is no day of a month. Write numbers from 1 to 31, or {LAST}."
            )
        return frozenset(LAST_DAY if word == LAST else int(word) for word in words)

    def clean(self) -> dict[str, Any]:
        kind = self.cleaned_data.get("kind")
        if kind:
            asked = PARTS[kind]
            for name in frozenset[str]().union(*PARTS.values()) - asked:
                self.errors.pop(name, None)
            if not self.errors.keys() & {*asked, "timezone"}:
                self._check(kind)
        return self.cleaned_data

    def _check(self, kind: str) -> None:
        schedule = self._schedule(ScheduleKind(kind))
        try:
            check(schedule)
        except BadSchedule as problem:
            self.add_error(problem.field, str(problem))
        else:
            self.schedule = schedule

    def _schedule(self, kind: ScheduleKind) -> Schedule:
        data = self.cleaned_data
        at = data.get("month_at" if kind is ScheduleKind.MONTH_DAYS else "at")
        return Schedule(
            kind=kind,
            timezone=data.get("timezone", ""),
            at=at or time(0, 0),
            days=frozenset(data.get("days") or ()),
            minutes=data.get("minutes") or 0,
            month_days=data.get("month_days") or frozenset(),
            cron=data.get("cron", ""),
        )


def _is_day(word: str) -> bool:
    return word.isdecimal() and len(word) < 3 and 1 <= int(word) <= 31


class TriggerForm(ScheduleForm):
    """Only environments and tenants of the project are choices."""

    name = forms.CharField(max_length=120, help_text="Shown with each run that it starts.")
    environments = forms.ModelMultipleChoiceField(
        queryset=Environment.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one environment."},
    )
    tenants = forms.ModelMultipleChoiceField(
        queryset=Tenant.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="One run for each tenant, in the chosen environments that it is connected to.",
    )
    is_enabled = forms.BooleanField(label="Enabled", required=False, initial=True)

    def __init__(
        self,
        *args: Any,
        project: Project,
        user: User,
        trigger: ScheduledTrigger | None = None,
        **kwargs: Any,
    ) -> None:
        if trigger is not None:
            kwargs["initial"] = _values_of(trigger)
        super().__init__(*args, **kwargs)
        environments = Environment.objects.visible_to(user).in_space(project.space)
        tenants = Tenant.objects.visible_to(user).filter(project_links__project=project)
        if project.tenanted_mode == TenantedMode.UNTENANTED:
            tenants = tenants.none()
        for name, rows in (("environments", environments), ("tenants", tenants)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  # so declared above
            field.queryset = rows


def _values_of(trigger: ScheduledTrigger) -> dict[str, Any]:
    schedule = trigger.schedule
    days = sorted(schedule.month_days - {LAST_DAY})
    words = [*map(str, days), *([LAST] if LAST_DAY in schedule.month_days else [])]
    return {
        "name": trigger.name,
        "kind": trigger.kind,
        "days": sorted(schedule.days),
        "at": schedule.at,
        "minutes": schedule.minutes,
        "month_days": ", ".join(words),
        "month_at": schedule.at,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "environments": [one.pk for one in trigger.environments.all()],
        "tenants": [one.pk for one in trigger.tenants.all()],
        "is_enabled": trigger.is_enabled,
    }
