"""What one request of the variables' pages works with."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from domain import octostache, script_names
from domain.processes import SCRIPT_BODY
from domain.scopes import Kind
from domain.variables import name_key
from pools.models import WorkerPool
from processes.models import Action, PoolChoice
from projects.variables_editor.owner import VariablesOwner
from spaces.models import Space
from variables import references, selectors
from variables.grid import Grid, GroupState
from variables.models import Variable, VariableSet
from variables.references import Choices
from variables.scope_sources import ScopeOption


class Session:
    """The variables of one owner, and everything that values may name."""

    def __init__(self, request: PageRequest, owner: VariablesOwner) -> None:
        self.request = request
        self.owner = owner
        self.variable_set: VariableSet = owner.variable_set()
        self.can_edit = can(request.user, Permission.EDIT_PROJECT, owner.subject)

    @property
    def space(self) -> Space:
        return self.owner.space

    @property
    def version(self) -> int:
        """The version that the page was loaded with."""
        sent = self.request.POST.get("version", "")
        return int(sent) if sent.isascii() and sent.isdigit() else 0

    @cached_property
    def stored(self) -> dict[int, Variable]:
        rows = self.variable_set.variables.prefetch_related("scope_values")
        return {one.pk: one for one in rows}

    def forget(self) -> None:
        """Read the set anew: somebody else saved it meanwhile, or this request did."""
        self.variable_set.refresh_from_db()
        self.__dict__.pop("stored", None)

    @cached_property
    def options(self) -> list[ScopeOption]:
        return selectors.scope_options(self.variable_set)

    @cached_property
    def pools(self) -> QuerySet[WorkerPool]:
        return WorkerPool.objects.visible_to(self.request.user).in_space(self.space)

    @cached_property
    def pool_names(self) -> dict[str, str]:
        return {str(pool.pk): pool.name for pool in self.pools}

    def grid(self, groups: list[GroupState]) -> Grid:
        return Grid(groups, options=self.options, choices=self.choices, uses=self.step_uses)

    @cached_property
    def choices(self) -> Choices:
        """What values of the types that stand for something can be."""
        return references.choices(self.space, pools=self.pool_names)

    @cached_property
    def step_uses(self) -> dict[str, int]:
        """How many steps refer to a variable, by `name_key`: in a text, or as what picks their pool."""
        ids = [option.id for option in self.options if option.kind is Kind.ACTION]
        found: Counter[str] = Counter()
        rows = Action.objects.filter(pk__in=ids).values_list(
            "pool_choice", "worker_pool_variable", "properties", "step__expression"
        )
        for choice, variable, properties, expression in rows:
            texts = [expression, *(text for text in properties.values() if isinstance(text, str))]
            names = {name_key(name) for text in texts if "#{" in text for name in octostache.references(text)}
            names |= script_names.names_read(properties.get(SCRIPT_BODY, ""))
            if choice == PoolChoice.VARIABLE:
                names.add(name_key(variable))
            found.update(names)
        return found

    def context(self, **more: Any) -> dict[str, Any]:
        """What every template of these pages needs."""
        return {
            "owner": self.owner,
            **self.owner.context,
            "variable_set": self.variable_set,
            "can_edit": self.can_edit,
            "types": VARIABLE_TYPES,
            **more,
        }


VARIABLE_TYPES = Variable._meta.get_field("type").choices
