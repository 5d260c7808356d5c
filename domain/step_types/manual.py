"""Manual intervention: a person decides instead of a worker."""

from __future__ import annotations

from domain.processes import MANUAL_ACTION, MANUAL_INSTRUCTIONS
from domain.step_types.base import Properties, StepType, Text


def _texts(properties: Properties) -> list[Text]:
    return [Text("text", properties.get(MANUAL_INSTRUCTIONS, ""))]


MANUAL = StepType(key=MANUAL_ACTION, texts=_texts)
