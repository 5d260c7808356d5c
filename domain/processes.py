"""A process as it is frozen in a snapshot or a release: steps, actions, properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from domain import codec
from domain.conditions import EVERYWHERE, Applies
from domain.step_rules import Backoff, Condition, Settle, Start, StepRules

SCHEMA = 1

SCRIPT_ACTION = "Octopus.Script"
PARENT_STEP = "Octoworkers.Parent"
"""What the editor calls the type of a step that holds others; no action has it."""
MANUAL_ACTION = "Octopus.Manual"
MANUAL_INSTRUCTIONS = "Octopus.Action.Manual.Instructions"
EMAIL_ACTION = "Octopus.Email"
RUNBOOK_ACTION = "Octoworkers.RunRunbook"
DEPLOY_RELEASE_ACTION = "Octopus.DeployRelease"
SERVER_ACTIONS = frozenset({EMAIL_ACTION, RUNBOOK_ACTION, DEPLOY_RELEASE_ACTION})
"""What the server does itself; such a step has neither a worker nor targets."""
ON_SERVER = "Octoworkers.Action.Http.OnServer"
"""Whether the server sends the request of an HTTP step, instead of a worker."""
HTTP_ACTION = "Octoworkers.HttpRequest"
SCRIPT_BODY = "Octopus.Action.Script.ScriptBody"
SCRIPT_SYNTAX = "Octopus.Action.Script.Syntax"
RUN_ON_SERVER = "Octopus.Action.RunOnServer"
RETRIES = "Octopus.Action.AutoRetry.MaximumCount"
RETRY_AFTER = "Octopus.Action.AutoRetry.MinimumBackoff"
BACKOFF = "Octoworkers.Action.AutoRetry.Backoff"
RETRY_CODES = "Octoworkers.Action.AutoRetry.ExitCodes"
MAX_PARALLELISM = "Octopus.Action.MaxParallelism"
TIME_LIMIT = "Octopus.Action.ExecutionTimeout.Minutes"
CONTAINER_IMAGE = "Octoworkers.Action.Container.Image"
CONTAINER_ACCOUNT = "Octoworkers.Action.Container.AccountVariable"
UNKNOWN_OUTCOME = "Octoworkers.Action.UnknownOutcome"
TARGET_ROLES = "Octopus.Action.TargetRoles"
MOST_IN_WINDOW = 1000

RULE_LIMITS = {RETRIES: 10, RETRY_AFTER: 86_400, TIME_LIMIT: 43_200}
"""The largest whole number of each: tries, seconds, minutes. The smallest is 0, which is off."""
PROPERTY_NAMES = {
    "Octopus.Action.Script.ScriptSource": "Where the script is",
    SCRIPT_SYNTAX: "Language",
    SCRIPT_BODY: "Script",
    "Octopus.Action.Package.PackageId": "Package ID",
    "Octoworkers.Action.GitRepository.Uri": "Git repository",
    "Octoworkers.Action.GitRepository.Reference": "Branch, tag or commit",
    "Octoworkers.Action.GitRepository.AccountVariable": "Git account",
    "Octopus.Action.Script.ScriptFileName": "Script file",
    "Octopus.Action.Script.ScriptParameters": "Parameters",
    "Octoworkers.Action.PackageReferences": "Referenced packages",
    "Octopus.Action.Package.CustomInstallationDirectory": "Installation directory",
    "Octopus.Action.Package.CustomInstallationDirectoryShouldBePurgedBeforeDeployment": "Empty it first",
    "Octopus.Action.SubstituteInFiles.TargetFiles": "Files that values are put into",
    "Octoworkers.Action.Package.KeepVersions": "Deployments to keep",
    **{
        f"Octopus.Action.CustomScripts.{stage}{ending}": f"{stage}{ending}"
        for stage in ("PreDeploy", "Deploy", "PostDeploy")
        for ending in (".sh", ".py")
    },
    "Octopus.Action.Package.TransferPath": "Folder on the worker",
    MANUAL_INSTRUCTIONS: "Instructions",
    CONTAINER_IMAGE: "Container image",
    CONTAINER_ACCOUNT: "Account of the registry",
    RETRIES: "Retries",
    RETRY_AFTER: "Seconds between tries",
    BACKOFF: "Pause between tries",
    RETRY_CODES: "Exit codes that are tried again",
    TIME_LIMIT: "Time limit in minutes",
    UNKNOWN_OUTCOME: "If its outcome is unknown",
}
"""What people call the properties that a form shows, in its order."""
SETTLES = {"Ask": Settle.ASK, "Rerun": Settle.RERUN, "Never": Settle.NEVER}
"""UNKNOWN_OUTCOME as it is stored."""
MOST_RETRY_CODES = 20


class Syntax(StrEnum):
    """The language of an inline script, in the spelling of the REST API."""

    BASH = "Bash"
    PYTHON = "Python"
    POWERSHELL = "PowerShell"


def rules_of(action_type: str, properties: Mapping[str, str]) -> StepRules:
    """Read from the properties of an action. What makes no sense there counts as not set: a plan with
    it does not start, see `domain.plan_checks.rule_problems`."""
    if action_type == MANUAL_ACTION:
        return StepRules(manual=True)
    return StepRules(
        server=is_on_server(action_type, properties),
        retries=rule_number(properties, RETRIES) or 0,
        retry_after=rule_number(properties, RETRY_AFTER) or 0,
        backoff=backoff_of(properties) or Backoff.CONSTANT,
        retry_codes=exit_codes(properties.get(RETRY_CODES, "")) or (),
        time_limit=rule_number(properties, TIME_LIMIT) or 0,
        settle=SETTLES.get(properties.get(UNKNOWN_OUTCOME) or "Ask", Settle.ASK),
    )


def is_on_server(action_type: str, properties: Mapping[str, str]) -> bool:
    """Whether the server itself does what such an action says."""
    if action_type == HTTP_ACTION:
        return properties.get(ON_SERVER, "").casefold() == "true"
    return action_type in SERVER_ACTIONS


def rule_number(properties: Mapping[str, str], name: str) -> int | None:
    """A whole number within its limit; 0 where it is not set, None where it makes no sense."""
    text = properties.get(name, "").strip() or "0"
    # Digits alone, and few: int() would take signs, other scripts' digits and megabytes.
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return number if (number := int(text)) <= RULE_LIMITS[name] else None


def backoff_of(properties: Mapping[str, str]) -> Backoff | None:
    """None where it makes no sense."""
    text = properties.get(BACKOFF) or Backoff.CONSTANT.value
    return Backoff(text) if text in tuple(Backoff) else None


def exit_codes(text: str) -> tuple[int, ...] | None:
    """Exit codes as people write them, "1, 75"; none for an empty text, None where it makes no sense."""
    words = text.replace(",", " ").split()
    fine = all(word.isascii() and word.isdigit() and len(word) <= 3 and 0 < int(word) < 256 for word in words)
    return tuple(dict.fromkeys(map(int, words))) if fine and len(words) <= MOST_RETRY_CODES else None


CONDITION_TEXT = {
    Condition.SUCCESS: "",
    Condition.FAILURE: "only after a failure",
    Condition.ALWAYS: "in any case",
    Condition.VARIABLE: "only if its condition is true",
}


def rules_text(rules: StepRules) -> str:
    """What the rules mean in one line, such as "up to 3 tries, 10 s apart; at most 5 min each"; empty for
    one try without a limit."""
    parts = [text] if (text := CONDITION_TEXT[rules.condition]) else []
    if rules.required:
        parts.append("required")
    if rules.manual:
        parts.append("waits for a person")
    if rules.retries:
        codes = f" after exit code {' or '.join(map(str, rules.retry_codes))}" if rules.retry_codes else ""
        parts.append(f"up to {rules.retries + 1} tries{codes}{_apart(rules)}")
    if rules.time_limit:
        parts.append(f"at most {rules.time_limit} min{' each' if rules.retries else ''}")
    if rules.settle is not Settle.ASK:
        verb = "runs again" if rules.settle is Settle.RERUN else "counts as failed"
        parts.append(f"{verb} if its outcome is unknown")
    return "; ".join(parts)


def _apart(rules: StepRules) -> str:
    if not rules.retry_after:
        return ""
    if rules.backoff is Backoff.EXPONENTIAL:
        return f", first {_span(rules.retry_after)} apart and twice as long each time"
    return f", {_span(rules.retry_after)} apart"


def _span(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds >= 60 and seconds % 60 == 0 else f"{seconds} s"


class Location(StrEnum):
    """Where an action runs: once on a worker, on a worker for each deployment target, or on each target."""

    WORKER = "worker"
    ON_BEHALF = "on-behalf"
    TARGET = "target"

    @property
    def has_targets(self) -> bool:
        return self is not Location.WORKER


def location_of(properties: Mapping[str, str], target_tags: Sequence[str]) -> Location:
    """Octopus's two settings together: which targets a step names, and whether a worker runs the script of
    an action with these properties."""
    if not target_tags:
        return Location.WORKER
    on_server = properties.get(RUN_ON_SERVER, "true").strip().casefold()
    return Location.TARGET if on_server == "false" else Location.ON_BEHALF


def child_location(location: Location, tags: Sequence[str]) -> Location:
    """Where a child step runs: the step that it belongs to names the targets, or none."""
    if not tags:
        return Location.WORKER
    return Location.ON_BEHALF if location is Location.WORKER else location


def window_of(text: str) -> int | None:
    """How many targets at once; 0 where nothing is said, None for what makes no sense."""
    text = text.strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    return number if (number := int(text)) <= MOST_IN_WINDOW else None


LOCATION_TEXT = {
    Location.WORKER: "",
    Location.ON_BEHALF: "on a worker for each deployment target",
    Location.TARGET: "on each deployment target",
}
"""Where a step runs, unless it is once on a worker."""


def targets_text(location: Location, tags: Sequence[str]) -> str:
    """For example "on each deployment target with web or db"; empty for once on a worker."""
    named = f" with {' or '.join(tags)}" if tags and location.has_targets else ""
    return LOCATION_TEXT[location] + named


@dataclass(frozen=True, slots=True)
class ActionDef:
    """What one step does, and on which pool.

    The pool is either fixed (`worker_pool_id`, with the name that it had when frozen) or
    chosen by the variable named in `worker_pool_variable`; with neither the space's
    default pool is meant. `applies_text` says `applies` with the names of that moment.
    `properties` carries the settings of the action type under their wire names.

    `condition` and `expression` are those of a child step, which looks at the other children; a step with one
    action says them itself. `step_id` is the entry of the editor that a child step is, "" for the step's own.
    """

    id: str
    name: str
    slug: str = ""
    action_type: str = SCRIPT_ACTION
    properties: Mapping[str, str] = field(default_factory=dict)
    location: Location = Location.WORKER
    worker_pool_id: str | None = None
    worker_pool_name: str = ""
    worker_pool_variable: str | None = None
    is_disabled: bool = False
    is_required: bool = False
    applies: Applies = EVERYWHERE
    applies_text: str = ""
    notes: str = ""
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    step_id: str = ""

    @property
    def script(self) -> str:
        """The inline script, not substituted."""
        return self.properties.get(SCRIPT_BODY, "")

    @property
    def syntax(self) -> Syntax:
        """The script's language; Bash where none is stated. Raises ValueError if unknown."""
        return Syntax(self.properties.get(SCRIPT_SYNTAX) or Syntax.BASH)

    @property
    def is_manual(self) -> bool:
        """Whether a person decides instead of a worker; such a step has no pool."""
        return self.action_type == MANUAL_ACTION

    @property
    def is_on_server(self) -> bool:
        """Whether the server itself does it; such a step has no pool."""
        return is_on_server(self.action_type, self.properties)

    @property
    def needs_machine(self) -> bool:
        """Whether a worker or a target does it."""
        return not (self.is_manual or self.is_on_server)

    @property
    def rules(self) -> StepRules:
        """What the step declares about tries, time and unknown outcomes."""
        return rules_of(self.action_type, self.properties)


@dataclass(frozen=True, slots=True)
class StepDef:
    """A numbered step (from 1) and its actions: one, or several, which are its child steps. `expression` is a
    template that is true or not, for the condition VARIABLE; it is kept whichever is chosen. So are the
    target tags that name the deployment targets of its actions, and the `window`: how many targets at once,
    0 for the usual number. `child` is the number of the one of several actions that is looked at."""

    id: str
    name: str
    number: int
    actions: tuple[ActionDef, ...]
    slug: str = ""
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    start: Start = Start.AFTER_PREVIOUS
    target_tags: tuple[str, ...] = ()
    window: int = 0
    child: int = 0

    @property
    def is_parent(self) -> bool:
        """Whether its actions are child steps."""
        return len(self.actions) > 1

    @property
    def label(self) -> str:
        """Its number, such as "2", or "2.1" for the first child of step 2."""
        return number_label(self.number, self.child)

    def condition_of(self, action: ActionDef) -> tuple[Condition, str]:
        """When one of its actions runs, and the expression of that: child steps have their own."""
        if self.child:
            return action.condition, action.expression
        return self.condition, self.expression

    def location_of(self, action: ActionDef) -> Location:
        """Where one of its actions runs."""
        return child_location(action.location, self.target_tags) if self.child else action.location


def number_label(number: int, child: int) -> str:
    """Of a step, or of a child step: "2", "2.1"."""
    return f"{number}.{child}" if child else str(number)


@dataclass(frozen=True, slots=True)
class ProcessDef:
    """The steps of a runbook or a deployment process, in order."""

    steps: tuple[StepDef, ...] = ()
    schema: int = SCHEMA

    def actions(self) -> Iterator[tuple[StepDef, ActionDef]]:
        """Every action with its step, in the order in which they run; the step of a child step is numbered
        as the child."""
        for step in self.steps:
            for child, action in enumerate(step.actions, start=1):
                yield (replace(step, child=child) if step.is_parent else step), action

    def to_json(self) -> codec.Json:
        """The JSON object that a snapshot stores."""
        return codec.encode_fields(self)

    @classmethod
    def from_json(cls, data: codec.Json) -> ProcessDef:
        """Read a stored process; raises codec.Malformed or codec.UnsupportedSchema."""
        codec.check_schema(_object(data), supported=SCHEMA)
        return codec.decode_fields(cls, data)


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise codec.Malformed("a process is not an object")
    return data
