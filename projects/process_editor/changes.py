"""What is different from what was last frozen: the published snapshot, or the last release."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from domain.processes import ProcessDef
from processes import differences
from processes.services import processes
from projects.process_editor.session import Session


def show(session: Session) -> HttpResponse:
    baseline = session.owner.baseline()
    found = {**session.owner.context, "tab": "process", "owner": session.owner, "baseline": baseline}
    if baseline is not None:
        now = ProcessDef.from_json(processes.freeze(session.process))
        found["changes"] = differences.compare(ProcessDef.from_json(baseline.process), now)
    return render(session.request, "processes/changes.html", found)
