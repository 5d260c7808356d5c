from __future__ import annotations

from spaces.models import NamedInSpace


class LibraryVariableSet(NamedInSpace):
    """Variables that projects share by including the set. Values stand in its `VariableSet`."""

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]
