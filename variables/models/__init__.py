from variables.models.credentials import Account, Certificate
from variables.models.library import LibraryVariableSet
from variables.models.template import TenantValue, VariableTemplate
from variables.models.variable import (
    OwnerKind,
    ScopeKind,
    ScopeValue,
    Type,
    Variable,
    VariableSet,
    VariableSetRevision,
)

__all__ = [
    "Account",
    "Certificate",
    "LibraryVariableSet",
    "OwnerKind",
    "ScopeKind",
    "ScopeValue",
    "TenantValue",
    "Type",
    "Variable",
    "VariableSet",
    "VariableSetRevision",
    "VariableTemplate",
]
