"""The router: every app's part of the REST API below /api/. `ApiMiddleware` has taken the space off."""

from __future__ import annotations

from django.urls import include, path

import environments.api
import packages.api
import pools.api
import tenants.api
import variables.api
import variables.credentials_api
import variables.library_api
from accounts.api import events, users
from octoworkers.api import configuration, description, nothing, root, spaces, unknown
from octoworkers.views import api_docs
from processes import template_api
from projects.api import channels, executions, processes, projects, releases, routing, tenant_variables
from projects.api import tenants as project_tenants
from runbooks.api import runbooks, runs
from tasks.api import artifacts, details, inside, interruptions, searching, tasks
from tasks.api import pools as pool_states
from workers.api import doctor, targets, workers

ROUTES = [
    *root.ROUTES,
    *nothing.ROUTES,
    *spaces.ROUTES,
    *configuration.ROUTES,
    *users.ROUTES,
    *events.ROUTES,
    *targets.ROUTES,
    *environments.api.ROUTES,
    *tenants.api.ROUTES,
    *pool_states.ROUTES,
    *pools.api.ROUTES,
    *packages.api.ROUTES,
    *template_api.ROUTES,
    *doctor.ROUTES,
    *workers.ROUTES,
    *variables.api.ROUTES,
    *variables.library_api.ROUTES,
    *variables.credentials_api.ROUTES,
    *details.ROUTES,
    *inside.ROUTES,
    *searching.ROUTES,
    *artifacts.ROUTES,
    *interruptions.ROUTES,
    *tasks.ROUTES,
    *tenant_variables.ROUTES,
    *project_tenants.ROUTES,
    *processes.ROUTES,
    *routing.ROUTES,
    *projects.ROUTES,
    *channels.ROUTES,
    *executions.ROUTES,
    *releases.ROUTES,
    *runs.ROUTES,
    *runbooks.ROUTES,
]

urlpatterns = [
    path("api", root.RootView.as_view(), name="api_root"),
    path("api/openapi", description.OpenApiView.as_view(), name="api_openapi"),
    path("api/docs", api_docs.api_docs, name="api_docs"),
    path("api/", include(ROUTES)),
    path("api/<path:rest>", unknown.UnknownView.as_view()),
]
