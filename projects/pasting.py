"""Values that somebody supplies for a run (answers, what tenants give) within the text of scripts."""

from __future__ import annotations

from domain import safe_reads
from domain.labels import listed
from domain.pasting import pasted_names, scripts_of
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, ProcessDef
from domain.variables import name_key
from processes.models import Process
from processes.saving import SaveRefused
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


def refuse(project: Project, process: Process) -> None:
    """Raises SaveRefused for a project that refuses them, where a step that is new or was changed has one:
    what was there before keeps nobody from saving something else. `process` is as it would be saved."""
    if not project.refuses_pasted:
        return
    before = _stored_properties(process)
    for step in process.steps.prefetch_related("actions__worker_pool"):
        for action in step.actions.all():
            if before.get(str(action.pk)) == action.properties:
                continue
            fields = StepFields(step.name, properties=action.properties, action_type=action.action_type)
            if names := pasted(project, fields):
                raise SaveRefused(_sentence(step.name, names))


def _stored_properties(process: Process) -> dict[str, dict[str, str]]:
    """Of each action, as they were saved last."""
    last = process.revisions.order_by("-version").first()
    if last is None:
        return {}
    return {action.id: dict(action.properties) for _, action in ProcessDef.from_json(last.content).actions()}


def _sentence(step: str, names: tuple[str, ...]) -> str:
    read = "it" if len(names) == 1 else "them"
    return (
        f"This project does not allow {listed([f'#{{{one}}}' for one in names])} in the script of {step}: "
        f"whoever starts a run supplies {read}. Read {read} with get_octopusvariable."
    )


def safe(fields: StepFields, names: tuple[str, ...]) -> safe_reads.Rewrite:
    """The script of a step with these variables read while it runs, where that is sure to do the same."""
    properties = fields.properties
    return safe_reads.rewritten(properties.get(SCRIPT_BODY, ""), properties.get(SCRIPT_SYNTAX, ""), names)
