from __future__ import annotations

from pools.models import WorkerPool
from spaces.forms import NamedForm


class PoolForm(NamedForm):
    model = WorkerPool
