"""What tenants are asked for: templates of a project or a library set, and the values that tenants give.

A template of a library set has one value for each tenant; one of a project has a value for each environment
in which the tenant gets the project. A value counts as one that is scoped to the tenant (and to the
environment) and is ranked as such against all others; where a tenant gives none, the template's default
stands in its place. Runs without a tenant find neither. Source: Octopus Deploy's documentation of tenant
variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.labels import listed
from domain.plans import FixHint, FixKind, Problem, ProblemCode
from domain.prompts import FALSE, TRUE, Control, Prompt
from domain.scopes import Kind, Scope
from domain.variables import (
    Candidate,
    Origin,
    Source,
    VariableType,
    validate_name,
    validate_value,
)

_TYPES = {
    Control.SENSITIVE: VariableType.SENSITIVE,
    Control.WORKER_POOL: VariableType.WORKER_POOL,
}


def type_of(control: Control) -> VariableType:
    """The type of the values that are asked for in this way."""
    return _TYPES.get(control, VariableType.STRING)


@dataclass(frozen=True, slots=True, repr=False)
class Template:
    """What each tenant is asked for under a name of a variable.

    `default` of a SENSITIVE one is ciphertext; "" means that there is none. `library` is the name of the set
    that it stands in, "" for a template of a project.
    """

    id: str
    name: str
    ask: Prompt
    default: str = ""
    library: str = ""

    @property
    def type(self) -> VariableType:
        return type_of(self.ask.control)

    @property
    def label(self) -> str:
        return self.ask.label or self.name

    @property
    def is_common(self) -> bool:
        """Whether a tenant has one value of it, whatever the project and the environment."""
        return bool(self.library)

    @property
    def stand_in(self) -> str:
        """What is used where a tenant gives nothing; a box that nobody ticked is not ticked."""
        return self.default or (FALSE if self.ask.control is Control.CHECKBOX else "")


Given = Mapping[str, str]
"""Values of one tenant in one environment, by the id of the template; secrets are ciphertext."""


@dataclass(frozen=True, slots=True)
class TenantValues:
    """What a run for a tenant finds beside the values of its project, and which templates it finds empty."""

    candidates: tuple[Candidate, ...] = ()
    missing: tuple[Template, ...] = ()


NONE = TenantValues()


def values_for(
    templates: Sequence[Template],
    given: Given,
    *,
    tenant: str,
    environment: str,
    labels: Mapping[str, str],
) -> TenantValues:
    """The values in one place. `labels` are names of worker pools by id."""
    found, missing = list[Candidate](), list[Template]()
    for template in templates:
        value = given.get(template.id, "")
        if not value and not template.stand_in:
            missing.append(template)
            continue
        found.append(_candidate(template, value, tenant=tenant, environment=environment, labels=labels))
    return TenantValues(tuple(found), tuple(missing))


def _candidate(
    template: Template, given: str, *, tenant: str, environment: str, labels: Mapping[str, str]
) -> Candidate:
    where = {Kind.TENANT: [tenant]}
    if not template.is_common:
        where[Kind.ENVIRONMENT] = [environment]
    value = given or template.stand_in
    return Candidate(
        id=f"template-{template.id}",
        name=template.name,
        type=template.type,
        value=value,
        scope=Scope.of(where),
        source=Source.LIBRARY if template.is_common else Source.PROJECT,
        label=labels.get(value, "") if template.type is VariableType.WORKER_POOL else "",
        library=template.library,
        origin=Origin.TENANT if given else Origin.DEFAULT,
    )


def missing_problems(missing: Sequence[Template], *, tenant: str, id: str) -> Iterator[Problem]:
    """One that names all of them; `tenant` is the name of the tenant with this id."""
    if not missing:
        return
    names = listed([one.name for one in missing])
    verb = "have" if len(missing) > 1 else "has"
    message = f"{names} {verb} no value for {tenant}. Enter it on the page of the tenant, or give a default."
    yield Problem(ProblemCode.MISSING_TENANT_VALUE, message, fix=FixHint(FixKind.TENANT, id))


def objection(template: Template, value: str, *, pools: Iterable[str] = ()) -> str | None:
    """The reason why a value in the clear cannot be given for a template, or None. "" is none, and fine."""
    if not value:
        return None
    if reason := validate_value(template.type, value):
        return reason
    if template.type is VariableType.WORKER_POOL and value not in set(pools):
        return "Choose a worker pool of this space."
    if template.ask.control is Control.CHECKBOX and value not in (TRUE, FALSE):
        return f"Choose {TRUE} or {FALSE}."
    if template.ask.control is Control.SELECT and value not in {
        one.value for one in template.ask.choices({})
    }:
        return "Choose one of the choices."
    return None


def template_objection(template: Template) -> tuple[str, str] | None:
    """(field, reason) why there cannot be such a template, apart from its default; or None."""
    if reason := validate_name(template.name):
        return "name", reason
    if template.ask.control is Control.SELECT and not template.ask.options.strip():
        return "options", "Enter the choices, one a line."
    return None
