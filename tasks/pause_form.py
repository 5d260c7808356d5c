from __future__ import annotations

from django import forms

from tasks.models import PauseMode


class PauseForm(forms.Form):
    mode = forms.ChoiceField(
        label="How",
        choices=[(PauseMode.PAUSE, "Pause"), (PauseMode.DRAIN, "Drain")],
        widget=forms.RadioSelect,
        initial=PauseMode.PAUSE,
    )
    reason = forms.CharField(
        max_length=300,
        help_text="Shown to everybody whose run waits because of it.",
        error_messages={"required": "Say why, for those whose runs wait because of it."},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # as Django's
        self.fields["mode"].descriptions = {  # type: ignore[attr-defined]  # shown by the field template
            PauseMode.PAUSE.value: "Start nothing, not even the next step of a run that has begun. "
            "A script that runs is not touched.",
            PauseMode.DRAIN.value: "Let runs that have begun finish all their steps, and take no new ones.",
        }
