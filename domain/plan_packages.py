"""Which version of each package a step gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain import codec
from domain.package_references import BadReferences, PackageReference, references_of
from domain.plans import FixHint, FixKind, PlannedPackage, Problem, ProblemCode
from domain.processes import ActionDef, ProcessDef, StepDef


@dataclass(frozen=True, slots=True)
class ChosenPackage:
    """The version that a release or a snapshot was made with. `name` is that of the reference, `step` what
    the step was called then."""

    action: str
    name: str
    package_id: str
    version: str
    step: str = ""

    @property
    def label(self) -> str:
        return f"{self.package_id} {self.version}"


@dataclass(frozen=True, slots=True)
class PackageChoices:
    """`newest` is the newest version by package ID in lower case, `present` holds pairs of ID and version
    that are there, both in lower case. `chosen` is the version by action and name of the reference; None for
    a draft, which takes what is newest."""

    newest: Mapping[str, str] = field(default_factory=dict)
    present: frozenset[tuple[str, str]] = frozenset()
    chosen: Mapping[tuple[str, str], str] | None = None


def needed(process: ProcessDef) -> Iterator[tuple[StepDef, ActionDef, PackageReference]]:
    """Every package of a process; what cannot be read is left out."""
    for step, action in process.actions():
        try:
            yield from ((step, action, one) for one in references_of(action.properties))
        except BadReferences:
            continue


def chosen_of(rows: Iterable[Any]) -> tuple[ChosenPackage, ...]:
    """As a release stores them. Raises `codec.Malformed`."""
    return tuple(codec.decode_fields(ChosenPackage, row) for row in rows)


def planned_packages(
    step: StepDef, action: ActionDef, choices: PackageChoices
) -> tuple[tuple[PlannedPackage, ...], list[Problem]]:
    """With a problem for each package that the step cannot get."""
    fix = FixHint(FixKind.PROCESS, step.id)
    try:
        references = references_of(action.properties)
    except BadReferences as error:
        message = f"The packages of step {step.label} make no sense. {error}"
        return (), [Problem(ProblemCode.BAD_SETTING, message, step=step.number, fix=fix)]
    found: list[PlannedPackage] = []
    problems: list[Problem] = []
    for reference in references:
        version, lack = _version(action, reference, choices)
        found.append(PlannedPackage(reference.name, reference.package_id, version, reference.extract))
        if lack:
            message = f"Step {step.label} needs {lack}"
            hint = FixHint(FixKind.PACKAGES, reference.package_id)
            problems.append(Problem(ProblemCode.MISSING_PACKAGE, message, step=step.number, fix=hint))
    return tuple(found), problems


def _version(action: ActionDef, reference: PackageReference, choices: PackageChoices) -> tuple[str, str]:
    """The version, and what is missing, in words that go on from "Step 3 needs "."""
    id, key = reference.package_id, reference.package_id.lower()
    if choices.chosen is None:
        version = choices.newest.get(key, "")
        return version, "" if version else f"the package {id}, which nobody has pushed yet."
    version = choices.chosen.get((action.id, reference.name), "")
    if not version:
        return "", f"the package {id}, for which no version was chosen."
    is_there = (key, version.lower()) in choices.present
    return version, "" if is_there else f"{id} {version}, which the built-in feed does not have any more."
