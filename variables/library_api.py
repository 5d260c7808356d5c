"""Library variable sets as resources; their values travel as every variable set does."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.api.resources import NamedResource, ResourceView, kept, routes
from accounts.permissions import Permission
from common.api.serializers import STRING, Always, Computed
from domain import ids
from domain.ids import IdKind
from variables.models import LibraryVariableSet, OwnerKind
from variables.services import library, templates
from variables.templates_api import TemplatesField

CONTENT = "Variables"


def variable_set_id(row: Any) -> str:
    """For example variableset-LibraryVariableSets-1."""
    return ids.derived(ids.VARIABLE_SET, IdKind.LIBRARY_VARIABLE_SET, row.pk)


class LibraryVariableSetResource(NamedResource):
    kind = IdKind.LIBRARY_VARIABLE_SET
    path = "libraryvariablesets"

    VariableSetId = Computed(variable_set_id, STRING)
    ContentType = Always(CONTENT)
    Templates = TemplatesField(OwnerKind.LIBRARY)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        space = own.rpartition("/libraryvariablesets/")[0]
        return {
            "Self": own,
            "Variables": f"{space}/variables/{variable_set_id(row)}",
            "Web": f"/library/variable-sets/{row.slug}/",
        }


class LibraryVariableSetsView(ResourceView):
    model = LibraryVariableSet
    kind = IdKind.LIBRARY_VARIABLE_SET
    item_type = "LibraryVariableSet"
    serializer_class = LibraryVariableSetResource
    queryset = LibraryVariableSet.objects.none()
    edit = Permission.EDIT_PROJECT

    def narrowed(self, rows: Any) -> Any:
        """There are no script modules here, so whoever asks for those alone gets none."""
        wanted = self.query.text("contentType")
        return super().narrowed(rows) if wanted.casefold() in ("", CONTENT.casefold()) else rows.none()

    @transaction.atomic
    def make(self, data: dict[str, Any]) -> LibraryVariableSet:
        asked = data.pop("template_rows", [])
        made = library.create(space=self.space, user=self.user, **data)
        templates.replace_all(library.variable_set_of(made), asked, user=self.user)
        return made

    @transaction.atomic
    def change(self, row: LibraryVariableSet, data: dict[str, Any]) -> None:
        library.edit(row, user=self.user, **kept(row, data, "name", "description"))
        if "template_rows" in data:
            templates.replace_all(library.variable_set_of(row), data["template_rows"], user=self.user)

    def remove(self, row: LibraryVariableSet) -> None:
        library.delete(row, user=self.user)


ROUTES = routes(LibraryVariableSetsView, "libraryvariablesets")
