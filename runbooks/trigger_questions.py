"""What the published snapshot of a runbook asks, as the form of a trigger shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django.http import QueryDict

from domain.answers import Answer, Question, questions
from domain.variables import VariableType, name_key
from pools.models import WorkerPool
from projects.run_dialog.questions import QuestionField, fields
from runbooks.models import Runbook, ScheduledTrigger
from runbooks.services.triggers import answers_of
from variables.services import variable_sets


def trigger_questions(
    runbook: Runbook, data: QueryDict, trigger: ScheduledTrigger | None = None
) -> list[QuestionField]:
    """Of all places; what the trigger answers stands in the field at first."""
    if runbook.published is None:
        return []
    kept = answers_of(trigger) if trigger else {}
    asked = [_kept(one, kept) for one in questions(variable_sets.candidates(runbook.published.variables))]
    return fields(asked, data, pools=_pools(runbook, asked))


def _kept(question: Question, kept: Mapping[str, Answer]) -> Question:
    answer = kept.get(name_key(question.name))
    if answer is None:
        return question
    return replace(question, default="" if answer.is_sensitive else answer.value, has_default=True)


def _pools(runbook: Runbook, asked: list[Question]) -> dict[str, str]:
    if not any(one.type is VariableType.WORKER_POOL for one in asked):
        return {}
    rows = WorkerPool.objects.in_space(runbook.project.space)
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}
