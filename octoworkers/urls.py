from django.contrib import admin
from django.urls import include, path

from octoworkers.views import app_link, dashboard, navigation, search, spaces

urlpatterns = [
    path("", dashboard.show, name="dashboard"),
    path("search/", search.find, name="search"),
    path("app", app_link.app, name="app"),
    path("app/open/", app_link.app_open, name="app_open"),
    path("nav/tasks/", navigation.nav_tasks, name="nav_tasks"),
    path("admin/", admin.site.urls),
    path("settings/spaces/", spaces.space_list, name="space_list"),
    path("settings/spaces/new/", spaces.space_create, name="space_create"),
    path("settings/spaces/<slug:slug>/", spaces.space_edit, name="space_edit"),
    path("settings/spaces/<slug:slug>/delete/", spaces.space_delete, name="space_delete"),
    path("", include("accounts.urls")),
    path("", include("spaces.urls")),
    path("", include("environments.urls")),
    path("", include("tenants.urls")),
    path("", include("pools.urls")),
    path("", include("processes.urls")),
    path("", include("packages.urls")),
    path("", include("workers.urls")),
    path("", include("variables.urls")),
    path("", include("tasks.urls")),
    path("", include("projects.urls")),
    path("", include("runbooks.urls")),
    # Last: it answers every address below /api/, those that there are not too.
    path("", include("octoworkers.api.urls")),
]

handler400 = "octoworkers.views.errors.bad_request"
handler403 = "octoworkers.views.errors.permission_denied"
handler404 = "octoworkers.views.errors.page_not_found"
handler500 = "octoworkers.views.errors.server_error"
