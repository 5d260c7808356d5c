"""The pages that edit what a project runs: its process and its variables, and those of library sets."""

from django.urls import URLPattern, path

from projects.process_editor import routes
from projects.variables_editor.owner import (
    LIBRARY_PAGES,
    PROJECT_PAGES,
    OwnerOf,
    Pages,
    library_owner,
    project_owner,
)
from projects.views import (
    library_sets,
    masking,
    process,
    templates,
    tenant_variables,
    variable_history,
    variable_uses,
    variables,
)


def _variables(prefix: str, pages: Pages, owner_of: OwnerOf) -> list[URLPattern]:
    given = {"owner_of": owner_of}
    return [
        path(prefix, variables.all_variables, given, name=pages.all),
        path(f"{prefix}group/", variables.variable_group, given, name=pages.group),
        path(f"{prefix}preview/", variables.variable_preview, given, name=pages.preview),
        path(f"{prefix}new/", variables.variable_create, given, name=pages.create),
        path(f"{prefix}<int:pk>/", variables.variable_edit, given, name=pages.edit),
        path(f"{prefix}<int:pk>/delete/", variables.variable_delete, given, name=pages.delete),
        path(f"{prefix}bulk/", variables.variable_bulk, given, name=pages.bulk),
        path(f"{prefix}history/", variable_history.variable_history, given, name=pages.history),
        path(f"{prefix}templates/", templates.template_list, given, name=pages.templates),
        path(f"{prefix}templates/new/", templates.template_create, given, name=pages.template_create),
        path(f"{prefix}templates/<int:template>/", templates.template_edit, given, name=pages.template_edit),
        path(
            f"{prefix}templates/<int:template>/delete/",
            templates.template_delete,
            given,
            name=pages.template_delete,
        ),
    ]


_PROJECT = "projects/<slug:slug>/"

urlpatterns = [
    *routes(f"{_PROJECT}process/", process.project_process, name="project_process"),
    path(f"{_PROJECT}variables/library/", library_sets.project_library_sets, name="project_library_sets"),
    *_variables(f"{_PROJECT}variables/", PROJECT_PAGES, project_owner),
    path(f"{_PROJECT}variables/routing/", variables.variable_routing, name="variable_routing"),
    path(f"{_PROJECT}variables/uses/", variable_uses.variable_uses, name="variable_uses"),
    path(f"{_PROJECT}variables/paste/", variables.variable_paste, name="variable_paste"),
    path(f"{_PROJECT}variables/masking/", masking.variable_masking, name="variable_masking"),
    path("tenants/<slug:slug>/variables/", tenant_variables.tenant_variables, name="tenant_variables"),
    *_variables("library/variable-sets/<slug:slug>/", LIBRARY_PAGES, library_owner),
]
