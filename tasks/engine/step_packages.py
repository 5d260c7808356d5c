"""The packages of a step as its program is given them: where to fetch each, and the permission to."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.urls import reverse

from domain.plans import PlannedPackage, PlannedStep
from domain.step_types import Program, Script, Work
from packages import selectors
from packages.models import Package
from tasks import package_tokens
from tasks.package_tokens import Grant


class Gone(Exception):
    """A package was deleted since the run was planned; the message says which."""


def with_packages(work: Work, step: PlannedStep, *, attempt_id: UUID, space_id: int) -> Program:
    """A script that packages come with is run by the program that fetches them. Raises `Gone`."""
    if isinstance(work, Script):
        work = Program("script", {"syntax": work.syntax, "script": work.script})
    rows = [_row(one, attempt_id=attempt_id, space_id=space_id) for one in step.packages]
    return Program(work.name, {**work.inputs, "packages": json.dumps(rows)})


def _row(planned: PlannedPackage, *, attempt_id: UUID, space_id: int) -> dict[str, Any]:
    """As `programs.kit.packages.Package` reads it."""
    package = selectors.find(space_id, planned.package_id, planned.version)
    if package is None:
        raise Gone(f"The package {planned.label} has been deleted since the run was planned.")
    return {
        "name": planned.name,
        "package_id": package.package_id,
        "version": package.version,
        "file_name": package.file_name,
        "extension": package.extension,
        "sha256": package.sha256,
        "size": package.size,
        "path": reverse("agent_package", args=[package.pk]),
        "token": _token(package, attempt_id),
        "extract": planned.extract,
        "acquired": True,
    }


def _token(package: Package, attempt_id: UUID) -> str:
    return package_tokens.issue(Grant(attempt_id=attempt_id, package_id=package.pk, sha256=package.sha256))
