from django.urls import include, path

from projects.views import channels, deploy, groups, projects, releases

_PROJECT = "projects/<slug:slug>/"
_RELEASE = f"{_PROJECT}releases/<str:version>/"

urlpatterns = [
    path("projects/", projects.project_list, name="project_list"),
    path("projects/new/", projects.project_create, name="project_create"),
    path("project-groups/", groups.group_list, name="group_list"),
    path("project-groups/new/", groups.group_create, name="group_create"),
    path("project-groups/<slug:slug>/", groups.group_edit, name="group_edit"),
    path("project-groups/<slug:slug>/delete/", groups.group_delete, name="group_delete"),
    path(_PROJECT, projects.project_detail, name="project_detail"),
    path(f"{_PROJECT}settings/", projects.project_settings, name="project_settings"),
    path(f"{_PROJECT}settings/place/", projects.project_place, name="project_place"),
    path(f"{_PROJECT}settings/runs/", projects.project_run_settings, name="project_run_settings"),
    path(f"{_PROJECT}settings/scripts/", projects.project_pasting, name="project_pasting"),
    path(f"{_PROJECT}settings/tenants/", projects.project_tenants, name="project_tenants"),
    path(f"{_PROJECT}delete/", projects.project_delete, name="project_delete"),
    path(f"{_PROJECT}channels/", channels.channel_list, name="channel_list"),
    path(f"{_PROJECT}channels/new/", channels.channel_create, name="channel_create"),
    path(f"{_PROJECT}channels/<slug:channel>/", channels.channel_edit, name="channel_edit"),
    path(f"{_PROJECT}channels/<slug:channel>/delete/", channels.channel_delete, name="channel_delete"),
    path(f"{_PROJECT}releases/", releases.release_list, name="release_list"),
    path(f"{_PROJECT}releases/new/", releases.release_create, name="release_create"),
    path(_RELEASE, releases.release_detail, name="release_detail"),
    path(f"{_RELEASE}deploy/", deploy.release_deploy, name="release_deploy"),
    path(f"{_RELEASE}deploy/plan/", deploy.release_deploy_plan, name="release_deploy_plan"),
    path("", include("projects.urls_editor")),
]
