"""The pages that edit what a project runs: its process and its variables."""

from django.urls import path

from projects.process_editor import routes
from projects.views import process, variables

_VARIABLES = "projects/<slug:slug>/variables/"

urlpatterns = [
    *routes("projects/<slug:slug>/process/", process.project_process, name="project_process"),
    path(_VARIABLES, variables.project_variables, name="project_variables"),
    path(f"{_VARIABLES}group/", variables.variable_group, name="variable_group"),
    path(f"{_VARIABLES}preview/", variables.variable_preview, name="variable_preview"),
    path(f"{_VARIABLES}new/", variables.variable_create, name="variable_create"),
    path(f"{_VARIABLES}<int:pk>/", variables.variable_edit, name="variable_edit"),
    path(f"{_VARIABLES}<int:pk>/delete/", variables.variable_delete, name="variable_delete"),
]
