"""Read by each Python that starts with this folder in PYTHONPATH: a wrong clock and a slow disk, for a
server or an agent that knows nothing of it.

CHAOS_CLOCK names a file with the seconds by which the clock is wrong, looked at with each question.
CHAOS_FSYNC is the seconds that fsync takes.
"""

import os
import time
from datetime import timedelta

_clock = os.environ.get("CHAOS_CLOCK")
_fsync = float(os.environ.get("CHAOS_FSYNC") or 0)


def _offset():
    try:
        with open(_clock) as file:  # noqa: PTH123 - the less this imports the better
            return float(file.read() or 0)
    except OSError:
        return 0.0


if _clock:
    _time = time.time
    time.time = lambda: _time() + _offset()
    try:
        from django.utils import timezone
    except ImportError:
        pass
    else:
        _now = timezone.now
        timezone.now = lambda: _now() + timedelta(seconds=_offset())

if _fsync:
    _sync = os.fsync

    def _slowly(descriptor):
        time.sleep(_fsync)
        _sync(descriptor)

    os.fsync = _slowly
