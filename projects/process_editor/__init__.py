"""The editor of a process, shared by deployment processes and runbooks.

A page of it is three lines in the app that owns the process:

    def runbook_process(request, slug, runbook, **route):
        owner = ProcessOwner(project=..., kind=OwnerKind.RUNBOOK, pk=..., process_ref=..., url=..., ...)
        return edit(request, owner=owner, **route)

    urlpatterns = [*routes("projects/<slug:slug>/runbooks/<slug:runbook>/process/", runbook_process,
                           name="runbook_process")]
"""

from projects.process_editor.owner import Baseline, ProcessOwner
from projects.process_editor.routes import routes
from projects.process_editor.views import edit

__all__ = ["Baseline", "ProcessOwner", "edit", "routes"]
