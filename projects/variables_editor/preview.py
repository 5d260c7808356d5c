"""The preview panel: a place, and what each variable is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from domain.octostache import Explanation
from domain.scopes import DEPLOYMENT_PROCESS, Context, Kind
from domain.targets import tag_key
from domain.variables import Candidate
from environments.models import Environment
from processes.models import Step
from projects.services import project_variables
from projects.variables_editor.known import system_values
from projects.variables_editor.session import Session
from tenants.models import Tenant
from variables import preview, selectors
from variables.grid import Grid
from variables.scope_sources import ScopeOption
from variables.services import credentials, variable_sets
from variables.services.rows import candidates_of
from workers.models import Machine


class PlaceForm(forms.Form):
    """Choices that do not exist (any more) count as not chosen."""

    environment = forms.ModelChoiceField(Environment.objects.none(), required=False, empty_label="None")
    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label="None")
    process = forms.ChoiceField(required=False)
    step = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user, space = session.request.user, session.space
        environments = Environment.objects.visible_to(user).in_space(space)
        self.fields["environment"].queryset = environments  # type: ignore[attr-defined]
        self.fields["tenant"].queryset = Tenant.objects.visible_to(user).in_space(space)  # type: ignore[attr-defined]
        for name, kind in (("process", Kind.PROCESS), ("step", Kind.ACTION)):
            self.fields[name].choices = _choices(session.options, kind)  # type: ignore[attr-defined]
            if session.owner.project is None:
                # Values of the library cannot be scoped to it.
                del self.fields[name]

    def place(self) -> Context:
        """Where the chosen things are; call after `is_valid`."""
        data = self.cleaned_data
        environment, tenant = data.get("environment"), data.get("tenant")
        tags = tenant.tags.select_related("tag_set") if tenant else ()
        return Context(
            environment=str(environment.pk) if environment else None,
            tenant=str(tenant.pk) if tenant else None,
            tenant_tags=frozenset(tag.canonical_name for tag in tags),
            process=data.get("process") or None,
            action=data.get("step") or None,
        )


class PanelForm(PlaceForm):
    """A place, perhaps down to a deployment target, and an expression to be evaluated in it."""

    target = forms.ChoiceField(required=False)
    expression = forms.CharField(required=False, max_length=2000, strip=False)

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        super().__init__(*args, session=session, **kwargs)
        self.fields["target"].choices = _choices(session.options, Kind.MACHINE)  # type: ignore[attr-defined]

    def place(self) -> Context:
        place = super().place()
        target = self.cleaned_data.get("target")
        machines = Machine.objects.filter(pk=target or 0).prefetch_related("target_tags")
        machine = machines.first() if target else None
        if machine is None:
            return place
        roles = frozenset(map(tag_key, machine.tags))
        step = Step.objects.filter(actions=int(place.action)).first() if place.action else None
        named = frozenset(map(tag_key, step.target_tags)) if step else frozenset()
        return replace(place, machine=str(machine.pk), roles=roles, targeted_roles=roles & named)

    def places(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name != "expression"]


@dataclass(frozen=True)
class Panel:
    """`explained` is None where no expression was entered."""

    form: PanelForm
    variables: list[preview.Resolved]
    explained: Explanation | None = None


def panel(session: Session, grid: Grid | None = None) -> Panel:
    """With the values of the table, or the saved ones where there is none. The first environment is chosen
    where nothing is said."""
    data = (session.request.POST if grid else session.request.GET).copy()
    if "environment" not in data:
        first = Environment.objects.visible_to(session.request.user).in_space(session.space).first()
        data["environment"] = str(first.pk) if first else ""
        data["process"] = DEPLOYMENT_PROCESS
    form = PanelForm(data, session=session)
    form.is_valid()
    place, chosen = form.place(), form.cleaned_data
    candidates = credentials.with_parts(_candidates(session, grid))
    candidates += _of_tenant(session, chosen.get("environment"), chosen.get("tenant"))
    names = selectors.scope_names(session.options)
    known = system_values(session, place, environment=chosen.get("environment"), tenant=chosen.get("tenant"))
    expression = chosen.get("expression")
    return Panel(
        form,
        preview.resolved(candidates, place, names=names, known=known),
        preview.evaluated(expression, candidates, place, known=known) if expression else None,
    )


def _candidates(session: Session, grid: Grid | None) -> list[Candidate]:
    if grid is None:
        return variable_sets.candidates(session.owner.frozen())
    project = session.owner.project
    shared = variable_sets.of_library(list(project.library_sets.all())) if project else []
    found = [*candidates_of(grid.to_rows()), *shared]
    return [replace(one, label=session.choices.get(one.type, {}).get(one.value, "")) for one in found]


def _of_tenant(session: Session, environment: Environment | None, tenant: Tenant | None) -> list[Candidate]:
    """What the tenant gives there; only a project asks for it in an environment."""
    project = session.owner.project
    if project is None or environment is None or tenant is None:
        return []
    return list(project_variables.of_tenants(project, [tenant])(environment, tenant).candidates)


def _choices(options: Sequence[ScopeOption], kind: Kind) -> list[tuple[str, Any]]:
    """Those with a group under its name."""
    plain: list[tuple[str, Any]] = [("", "None")]
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in options:
        if one.kind is not kind:
            continue
        if one.group:
            groups.setdefault(one.group, []).append((one.id, one.label))
        else:
            plain.append((one.id, one.label))
    return [*plain, *groups.items()]
