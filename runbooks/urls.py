from django.urls import path

from projects.process_editor import routes
from runbooks.views import lists, process, run, runbooks, snapshots, triggers

_PROJECT = "projects/<slug:slug>/runbooks/"
_RUNBOOK = f"{_PROJECT}<slug:runbook>/"
_TRIGGERS = f"{_RUNBOOK}triggers/"
_TRIGGER = f"{_TRIGGERS}<int:trigger>/"

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
    path(f"{_RUNBOOK}settings/runs/", runbooks.runbook_run_settings, name="runbook_run_settings"),
    path(f"{_RUNBOOK}delete/", runbooks.runbook_delete, name="runbook_delete"),
    path(f"{_RUNBOOK}run/", run.runbook_run, name="runbook_run"),
    path(f"{_RUNBOOK}run/plan/", run.runbook_run_plan, name="runbook_run_plan"),
    path("projects/<slug:slug>/triggers/", triggers.project_triggers, name="project_triggers"),
    path(_TRIGGERS, triggers.runbook_triggers, name="runbook_triggers"),
    path(f"{_TRIGGERS}new/", triggers.trigger_create, name="trigger_create"),
    path(f"{_TRIGGERS}preview/", triggers.trigger_preview, name="trigger_preview"),
    path(_TRIGGER, triggers.trigger_edit, name="trigger_edit"),
    path(f"{_TRIGGER}enable/", triggers.trigger_enable, name="trigger_enable"),
    path(f"{_TRIGGER}disable/", triggers.trigger_disable, name="trigger_disable"),
    path(f"{_TRIGGER}delete/", triggers.trigger_delete, name="trigger_delete"),
]
