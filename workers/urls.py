from django.urls import path

from workers.api.enrolment import EnrolView
from workers.views import enrolment, machines, targets

urlpatterns = [
    path("workers/", machines.worker_list, name="worker_list"),
    path("workers/bulk/", machines.worker_bulk, name="worker_bulk"),
    path("workers/add/", enrolment.worker_add, name="worker_add"),
    path("workers/add/<int:pk>/", enrolment.worker_enrolment, name="worker_enrolment"),
    path("workers/<slug:slug>/edit/", machines.worker_edit, name="worker_edit"),
    path("workers/<slug:slug>/action/", machines.worker_action, name="worker_action"),
    path("workers/<slug:slug>/delete/", machines.worker_delete, name="worker_delete"),
    path("targets/", targets.target_list, name="target_list"),
    path("targets/add/", targets.target_add, name="target_add"),
    path("targets/<slug:slug>/edit/", targets.target_edit, name="target_edit"),
    path("targets/<slug:slug>/action/", targets.target_action, name="target_action"),
    path("targets/<slug:slug>/delete/", targets.target_delete, name="target_delete"),
    path("agent/octoworker.pyz", enrolment.agent_download, name="agent_download"),
    path("api/agents/enrol", EnrolView.as_view(), name="agent_enrol"),
]
