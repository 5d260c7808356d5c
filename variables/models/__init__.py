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
    "OwnerKind",
    "ScopeKind",
    "ScopeValue",
    "Type",
    "Variable",
    "VariableSet",
    "VariableSetRevision",
]
