"""From a problem of a plan to the page on which it is put right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from domain.labels import listed
from domain.plans import FixHint, FixKind, Problem, ProblemCode, Severity
from projects.models import Project
from projects.run_dialog.dialog import RunDialog
from tenants.models import Tenant


@dataclass(frozen=True)
class Fix:
    url: str
    label: str


@dataclass(frozen=True)
class ProblemLine:
    """A problem as the dialog shows it; a blocking one keeps the run from starting. `is_answer`: what is
    answered in the dialog itself puts it right."""

    message: str
    blocks: bool
    fix: Fix | None
    is_answer: bool = False


def problem_lines(
    problems: Iterable[Problem], *, dialog: RunDialog, pool_slugs: Mapping[str, str]
) -> list[ProblemLine]:
    """Blocking ones first; what several steps have in common is said once.

    `pool_slugs` by pool id, as text; a pool that is not in it has been deleted.
    """
    groups: dict[tuple[ProblemCode, FixHint | None], list[Problem]] = defaultdict(list)
    for problem in problems:
        groups[problem.code, problem.fix].append(problem)
    lines = [_line(group, dialog, pool_slugs) for group in groups.values()]
    return sorted(lines, key=lambda line: not line.blocks)


def _line(group: Sequence[Problem], dialog: RunDialog, pool_slugs: Mapping[str, str]) -> ProblemLine:
    first, *rest = group
    hint, fix = first.fix, None
    if hint and first.code is ProblemCode.NO_AVAILABLE_WORKER:
        # The pool has workers: its page says what keeps each of them from working.
        hint = FixHint(FixKind.POOL, hint.id)
    is_answer = first.code is ProblemCode.BAD_ANSWER
    if hint and not is_answer:
        fix = fix_for(hint, project=dialog.project, process_url=dialog.process_url, pool_slugs=pool_slugs)
    return ProblemLine(
        message=first.message + _also([str(problem.step) for problem in rest if problem.step]),
        blocks=first.severity is Severity.ERROR,
        fix=fix,
        is_answer=is_answer,
    )


def _also(steps: Sequence[str]) -> str:
    if not steps:
        return ""
    return f" The same goes for {'step' if len(steps) == 1 else 'steps'} {listed(steps)}."


def fix_for(hint: FixHint, *, project: Project, process_url: str, pool_slugs: Mapping[str, str]) -> Fix:
    """The page on which a problem is put right, and what to call the way there."""
    if hint.kind is FixKind.VARIABLE:
        query = f"?{urlencode({'name': hint.id})}" if hint.id else ""
        return Fix(reverse("project_variables", args=[project.slug]) + query, "Open the variables")
    if hint.kind is FixKind.TENANT:
        return _tenant_fix(hint, project)
    if hint.kind is FixKind.PROCESS:
        return Fix(process_url, "Open the process")
    if hint.kind in _LISTS:
        name, label = _LISTS[hint.kind]
        return Fix(reverse(name), label)
    return _pool_fix(hint, pool_slugs)


_LISTS = {
    FixKind.TARGETS: ("target_list", "Open the targets"),
    FixKind.PACKAGES: ("package_push", "Push the package"),
}


def _tenant_fix(hint: FixHint, project: Project) -> Fix:
    tenant = Tenant.objects.in_space(project.space).filter(pk=hint.id).first()
    if tenant is None:
        return Fix(reverse("tenant_list"), "Open the tenants")
    return Fix(reverse("tenant_variables", args=[tenant.slug]), "Open the tenant's variables")


def _pool_fix(hint: FixHint, pool_slugs: Mapping[str, str]) -> Fix:
    if hint.kind is FixKind.WORKERS:
        query = f"?{urlencode({'pool': hint.id})}" if hint.id in pool_slugs else ""
        return Fix(reverse("worker_add") + query, "Add a worker")
    if hint.id in pool_slugs:
        return Fix(reverse("pool_detail", args=[pool_slugs[hint.id]]), "Open the pool")
    return Fix(reverse("pool_list"), "Open the worker pools")
