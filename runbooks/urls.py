from django.urls import path

from projects.process_editor import routes
from runbooks.views import lists, process, run, runbooks, snapshots

_PROJECT = "projects/<slug:slug>/runbooks/"
_RUNBOOK = f"{_PROJECT}<slug:runbook>/"

urlpatterns = [
    path("runbooks/", lists.runbook_list, name="runbook_list"),
    path(_PROJECT, lists.project_runbooks, name="project_runbooks"),
    path(f"{_PROJECT}new/", runbooks.runbook_create, name="runbook_create"),
    path(_RUNBOOK, runbooks.runbook_detail, name="runbook_detail"),
    *routes(f"{_RUNBOOK}process/", process.runbook_process, name="runbook_process"),
    path(f"{_RUNBOOK}snapshots/", snapshots.runbook_snapshots, name="runbook_snapshots"),
    path(f"{_RUNBOOK}snapshots/<int:number>/", snapshots.runbook_snapshot, name="runbook_snapshot"),
    path(f"{_RUNBOOK}publish/", snapshots.runbook_publish, name="runbook_publish"),
    path(f"{_RUNBOOK}settings/", runbooks.runbook_settings, name="runbook_settings"),
    path(f"{_RUNBOOK}delete/", runbooks.runbook_delete, name="runbook_delete"),
    path(f"{_RUNBOOK}run/", run.runbook_run, name="runbook_run"),
    path(f"{_RUNBOOK}run/plan/", run.runbook_run_plan, name="runbook_run_plan"),
]
