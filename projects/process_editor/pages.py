"""The editor's page around a step, a new step, or no step at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse

from common.htmx import invalid, page, stale
from domain import octostache, safe_reads
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, ActionDef, rules_of, rules_text
from domain.step_rules import DEFAULT
from processes.action_types import ActionForm, ActionType
from processes.action_types.when import CONDITION_WORDS, WhenForm
from processes.action_types.worker import UNKNOWN_CHOICES, ConditionsForm
from processes.models import PoolChoice, StartTrigger, Step
from processes.services import processes
from processes.services.steps import StepFields, action_of
from projects import pasting
from projects.process_editor import history
from projects.process_editor.conflicts import Conflict, unsaved_action
from projects.process_editor.preview import Preview, preview
from projects.process_editor.session import Session, StepItem

TEMPLATE = "processes/editor.html"
PARTIAL = "editor"
_CONDITIONS = tuple(ConditionsForm.base_fields)


def step_page(session: Session, form: ActionForm, *, step: Step | None, **extra: Any) -> HttpResponse:
    """A step's form; `step` None is a new one."""
    return page(session.request, TEMPLATE, context(session, form=form, step=step, **extra), partial=PARTIAL)


def unsaved_page(session: Session, form: ActionForm, *, step: Step | None) -> HttpResponse:
    """A form that holds what is not stored, though nothing is wrong with it."""
    found = context(session, form=form, step=step, is_unsaved=True)
    return page(session.request, TEMPLATE, found, partial=PARTIAL)


def invalid_page(session: Session, form: ActionForm, *, step: Step | None) -> HttpResponse:
    found = context(session, form=form, step=step, is_unsaved=True)
    return invalid(session.request, TEMPLATE, found, partial=PARTIAL)


def conflict_page(
    session: Session, form: ActionForm | None, *, step: Step | None, conflict: Conflict
) -> HttpResponse:
    found = context(session, form=form, step=step, is_unsaved=form is not None, conflict=conflict)
    return stale(session.request, TEMPLATE, found, partial=PARTIAL)


def picker_page(session: Session, step: Step) -> HttpResponse:
    """What a step that becomes a child of this one, or of its parent, can be."""
    found = context(session, form=None, step=step)
    parent = step.parent or step
    found |= {
        "child_of": parent,
        "child_types": [(kind, session.new_url(kind, into=parent)) for kind in session.kinds()],
    }
    return page(session.request, TEMPLATE, found, partial=PARTIAL)


def empty_page(session: Session) -> HttpResponse:
    return page(session.request, TEMPLATE, context(session, form=None, step=None), partial=PARTIAL)


def context(
    session: Session,
    *,
    form: ActionForm | None,
    step: Step | None,
    is_unsaved: bool = False,
    conflict: Conflict | None = None,
) -> dict[str, Any]:
    """`is_unsaved`: the form holds what is not stored, so it starts as changed."""
    steps = session.steps()
    listed = list_context(session, steps=steps, current=step)
    item = item_of(listed["items"], step)
    number = item.number if item else len(listed["items"]) + 1
    found: dict[str, Any] = {
        **session.owner.context,
        "tab": "process",
        **listed,
        "step": step,
        "number": number,
        "item": item,
        "into": session.into if step is None else None,
        "form": form,
        "is_unsaved": is_unsaved,
        "conflict": conflict,
        **history.undo(session),
    }
    if form is not None:
        found |= _form_context(session, form, step=step, number=number)
        found |= {"warnings": item.warnings if item else (), **_when_context(session, form, item=item)}
    return found


def item_of(items: Sequence[StepItem], step: Step | None) -> StepItem | None:
    """Where a step stands in the list, as a child too."""
    every = (one for top in items for one in (top, *top.children))
    return next((one for one in every if step and one.step.pk == step.pk), None)


def list_context(session: Session, *, steps: list[Step], current: Step | None) -> dict[str, Any]:
    """What the list of steps needs, also when it is sent alone."""
    items = session.items(steps)
    item = item_of(items, current)
    return {
        "owner": session.owner,
        "process": session.process,
        "items": items,
        "current_can": item.can if item else (),
        "current": current,
        "current_url": session.step_url(current) if current else "",
        "can_edit": session.can_edit,
        "types": [(kind, session.new_url(kind)) for kind in session.kinds()],
    }


def _form_context(session: Session, form: ActionForm, *, step: Step | None, number: int) -> dict[str, Any]:
    kind: ActionType = form.action_type
    found = {
        "action_type": kind,
        "form_url": session.step_url(step) if step else session.new_url(kind, into=session.into),
        "completions": session.completions(),
        "template_filters": octostache.FILTER_NAMES,
        "package_ids": session.package_ids(),
        "pasted": pasted_of(session, form),
    }
    if kind.has_rules:
        rules = rules_of(kind.key, action_of(step).properties) if step else DEFAULT
        has_errors = any(name in form.errors for name in _CONDITIONS)
        found |= {
            "conditions_text": rules_text(rules).capitalize(),
            "conditions_open": replace(rules, server=False) != DEFAULT or has_errors,
            "unknown_choices": UNKNOWN_CHOICES,
        }
    if not kind.runs_on_worker:
        return found
    return {
        **found,
        "preview": preview(session, entered_action(form, step=step), number=number),
        "by_variable": _value(form, "pool_choice") == PoolChoice.VARIABLE,
    }


@dataclass(frozen=True)
class Pasted:
    """Names that somebody supplies for a run and that get into the script of a form; what it can become."""

    names: tuple[str, ...]
    rewrite: safe_reads.Rewrite
    is_refused: bool

    @property
    def rewritable(self) -> list[str]:
        return [one for one in self.names if one not in self.rewrite.left]


def pasted_of(session: Session, form: ActionForm) -> Pasted:
    fields = StepFields(
        name="",
        action_type=form.action_type.key,
        properties={
            key: str(_value(form, name) or "").replace("\r\n", "\n")
            for key, name in ((SCRIPT_BODY, "script"), (SCRIPT_SYNTAX, "syntax"))
            if name in form.fields
        },
    )
    project = session.owner.project
    names = pasting.pasted(project, fields)
    return Pasted(names, pasting.safe(fields, names), is_refused=project.refuses_pasted)


def _when_context(session: Session, form: ActionForm, *, item: StepItem | None) -> dict[str, Any]:
    saved = list(item.tags) if item else []
    if item and item.step.start_trigger == StartTrigger.WITH_PREVIOUS:
        saved.insert(0, "With the step before it")
    changed = any(name in form.errors for name in WhenForm.base_fields)
    return {
        "when_text": ", ".join(saved),
        "when_open": bool(saved) or changed,
        "condition_words": CONDITION_WORDS,
        "has_environments": bool(session.places.environments),
    }


def entered_action(form: ActionForm, *, step: Step | None) -> ActionDef:
    """The pool choice of a form that may be incomplete, as an action of the step."""
    pool_id = str(_value(form, "worker_pool") or "")
    pools = {str(pool.pk): pool for pool in form.fields["worker_pool"].queryset}  # type: ignore[attr-defined]
    fields = StepFields(
        name=step.name if step else "New step",
        pool_choice=PoolChoice.VARIABLE
        if _value(form, "pool_choice") == PoolChoice.VARIABLE
        else PoolChoice.SPECIFIC,
        worker_pool=pools.get(pool_id),
        worker_pool_variable=str(
            _value(form, "worker_pool_variable") or _value(form, "other_variable") or ""
        ).strip(),
    )
    action = unsaved_action(fields)
    if step is not None:
        # Values may be scoped to the step, so the rules have to recognise it.
        action.pk = action_of(step).pk
    return processes.action_def(action)


def _value(form: ActionForm, name: str) -> Any:
    return form[name].value()


def preview_of(session: Session, form: ActionForm, *, step: Step | None) -> Preview:
    tops = list(session.process.steps.filter(parent=None).values_list("pk", flat=True))
    top = (step.parent_id or step.pk) if step else 0
    number = tops.index(top) + 1 if top in tops else len(tops) + 1
    return preview(session, entered_action(form, step=step), number=number)
