from __future__ import annotations

from spaces.forms import NamedForm
from variables.models import LibraryVariableSet


class LibrarySetForm(NamedForm):
    model = LibraryVariableSet
