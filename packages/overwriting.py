"""What a push does where its version is there already, as requests say it."""

from __future__ import annotations

from rest_framework.exceptions import ValidationError

from common.api.parsing import Query
from domain.packages import Overwrite

_OVERWRITES = {one.value.casefold(): one for one in Overwrite}


def overwrite_of(query: Query) -> Overwrite:
    """From `overwriteMode`, or from `replace` as older clients send it. Raises ValidationError."""
    mode = query.text("overwriteMode") or (Overwrite.REPLACE if query.flag("replace") else Overwrite.FAIL)
    if mode.casefold() not in _OVERWRITES:
        known = ", ".join(one.value for one in Overwrite)
        raise ValidationError({"overwriteMode": f"This is one of {known}."})
    return _OVERWRITES[mode.casefold()]
