from django.urls import include, path

from projects.views import deploy, projects, releases

_PROJECT = "projects/<slug:slug>/"
_RELEASE = f"{_PROJECT}releases/<str:version>/"

urlpatterns = [
    path("projects/", projects.project_list, name="project_list"),
    path("projects/new/", projects.project_create, name="project_create"),
    path(_PROJECT, projects.project_detail, name="project_detail"),
    path(f"{_PROJECT}settings/", projects.project_settings, name="project_settings"),
    path(f"{_PROJECT}settings/runs/", projects.project_run_settings, name="project_run_settings"),
    path(f"{_PROJECT}settings/scripts/", projects.project_pasting, name="project_pasting"),
    path(f"{_PROJECT}settings/tenants/", projects.project_tenants, name="project_tenants"),
    path(f"{_PROJECT}delete/", projects.project_delete, name="project_delete"),
    path(f"{_PROJECT}releases/", releases.release_list, name="release_list"),
    path(f"{_PROJECT}releases/new/", releases.release_create, name="release_create"),
    path(_RELEASE, releases.release_detail, name="release_detail"),
    path(f"{_RELEASE}deploy/", deploy.release_deploy, name="release_deploy"),
    path(f"{_RELEASE}deploy/plan/", deploy.release_deploy_plan, name="release_deploy_plan"),
    path("", include("projects.urls_editor")),
]
