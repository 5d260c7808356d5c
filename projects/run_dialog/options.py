"""When and how a run is to happen, as far as the dialog asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from tasks.services import tasks
from tasks.services.options import Wishes

LONGEST_TIMEOUT = 30 * 24 * 60
MOST_LEFT_OUT = 1000
NOW, LATER = "now", "later"
#: What a browser's field for date and time sends, with and without seconds, and what people write.
_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
_MODES = {"": None, "ask": True, "fail": False}


class OptionsForm(forms.Form):
    """Nothing of it is required: an empty form starts at once, as the process says."""

    when = forms.ChoiceField(required=False, choices=[(NOW, "Now"), (LATER, "Later")])
    start_at = forms.DateTimeField(
        required=False,
        input_formats=_FORMATS,
        label="Start at",
        error_messages={"invalid": "Enter a day and a time, such as 2031-05-17 22:30."},
    )
    queue_timeout = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=LONGEST_TIMEOUT,
        label="Give up if it has not started after",
    )
    guided_failure = forms.ChoiceField(
        required=False,
        choices=[
            ("", "As the process says"),
            ("ask", "Ask a person"),
            ("fail", "Fail without asking"),
        ],
        label="If a step fails",
    )
    is_prioritised = forms.BooleanField(required=False, label="Prioritise")

    def __init__(self, data: QueryDict | None, *, now: datetime, is_start: bool = False) -> None:
        """`is_start`: the button was pressed, so nothing may be missing any more."""
        super().__init__(data)
        self.now = now
        self.is_start = is_start

    @property
    def left_out(self) -> frozenset[str]:
        """The ids of the actions whose boxes are not ticked; those of another process do no harm."""
        chosen = self.data.getlist("left_out") if isinstance(self.data, QueryDict) else []
        return frozenset(id for id in chosen[:MOST_LEFT_OUT] if id.isascii() and id.isdigit())

    @property
    def is_later(self) -> bool:
        return self.data.get("when") == LATER

    @property
    def are_opened(self) -> bool:
        """Whether the less common options hold something to see."""
        names = ("queue_timeout", "guided_failure", "is_prioritised")
        return any(self.data.get(name) or name in self.errors for name in names)

    @property
    def zone(self) -> str:
        """The zone in which times are entered."""
        return timezone.get_current_timezone_name()

    @property
    def local_now(self) -> datetime:
        return timezone.localtime(self.now)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("when") != LATER:
            # A time that was entered and then not chosen is nobody's concern.
            self.errors.pop("start_at", None)
            data["start_at"] = None
        elif "start_at" not in self.errors:
            self._check_start(data.get("start_at"))
        return data

    def _check_start(self, start_at: datetime | None) -> None:
        if start_at is None:
            if self.is_start:
                self.add_error("start_at", "Enter when to start.")
            return
        try:
            tasks.start_of(start_at, now=self.now)
        except tasks.BadStart as error:
            self.add_error("start_at", str(error))

    @property
    def wishes_so_far(self) -> Wishes:
        """For a preview: what makes no sense yet counts as not wished."""
        return self.wishes() if self.is_valid() else Wishes()

    def wishes(self) -> Wishes:
        """What the valid form says."""
        data = self.cleaned_data
        minutes = data["queue_timeout"]
        return Wishes(
            start_at=data["start_at"],
            queue_timeout=timedelta(minutes=minutes) if minutes else None,
            is_prioritised=data["is_prioritised"],
            guided_failure=_MODES[data["guided_failure"]],
            left_out=self.left_out,
        )
