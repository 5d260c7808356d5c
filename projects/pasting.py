"""Values that somebody supplies for a run (answers, what tenants give) within the text of scripts."""

from __future__ import annotations

from collections.abc import Iterator

from domain import safe_reads
from domain.labels import listed
from domain.pasting import pasted_names, scripts_of
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.variables import name_key
from processes.services.steps import StepFields
from projects.models import Project
from projects.services import project_variables
from variables.services import variable_sets


def pasted(project: Project, fields: StepFields) -> tuple[str, ...]:
    """The names of such variables that get into the script of a step, also through other values."""
    scripts = scripts_of(fields.action_type, fields.properties)
    if not any("#{" in one for one in scripts):
        return ()
    candidates = variable_sets.candidates(project_variables.freeze(project))
    supplied = {name_key(one.name): one.name for one in candidates if one.prompt is not None}
    for template in project_variables.of_tenants(project, ()).templates:
        supplied.setdefault(name_key(template.name), template.name)
    return pasted_names(scripts, candidates, supplied)


def refusals(project: Project, fields: StepFields) -> Iterator[tuple[str, str]]:
    """For a project that refuses them: the field and the reason."""
    if not project.refuses_pasted:
        return
    if names := pasted(project, fields):
        read = "it" if len(names) == 1 else "them"
        yield (
            "script",
            f"This project does not allow {listed([f'#{{{one}}}' for one in names])} in a script: "
            f"whoever starts a run supplies {read}. Read {read} with get_octopusvariable.",
        )


def safe(fields: StepFields, names: tuple[str, ...]) -> safe_reads.Rewrite:
    """The script of a step with these variables read while it runs, where that is sure to do the same."""
    properties = fields.properties
    return safe_reads.rewritten(properties.get(SCRIPT_BODY, ""), properties.get(SCRIPT_SYNTAX, ""), names)
