"""How each state of a task, a step or a worker looks: its words, its colour and its icon, in one place."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The six status colours of the design system; the value is the CSS class."""

    OK = "ok"
    RUN = "run"
    BAD = "bad"
    WARN = "warn"
    HOLD = "hold"
    IDLE = "idle"


@dataclass(frozen=True)
class Status:
    """`label` is for people, `kind` a CSS class, `icon` a name in the sprite; `spins` while work goes on."""

    label: str
    kind: Kind
    icon: str
    spins: bool = False


RUNS: dict[str, Status] = {
    "Pending": Status("Pending", Kind.IDLE, "circle-dashed"),
    "Queued": Status("Queued", Kind.IDLE, "circle-dashed"),
    "Waiting": Status("Waiting", Kind.IDLE, "clock"),
    "Executing": Status("Running", Kind.RUN, "loader-circle", spins=True),
    "Running": Status("Running", Kind.RUN, "loader-circle", spins=True),
    "Cancelling": Status("Cancelling", Kind.WARN, "loader-circle", spins=True),
    "Success": Status("Success", Kind.OK, "circle-check"),
    "SuccessWithWarnings": Status("Success with warnings", Kind.WARN, "triangle-alert"),
    "Failed": Status("Failed", Kind.BAD, "circle-x"),
    "TimedOut": Status("Timed out", Kind.BAD, "timer-off"),
    "Canceled": Status("Cancelled", Kind.IDLE, "ban"),
    "Skipped": Status("Skipped", Kind.IDLE, "circle-slash"),
    "Unknown": Status("Outcome unknown", Kind.WARN, "circle-question-mark"),
    "LostContact": Status("Lost contact", Kind.BAD, "unplug"),
    "Retrying": Status("Waiting to try again", Kind.WARN, "rotate-cw"),
    "Interrupted": Status("Waiting for an answer", Kind.HOLD, "hand"),
    "Ignored": Status("Failed, ignored", Kind.WARN, "circle-slash"),
    "Withdrawn": Status("Never started", Kind.IDLE, "undo-2"),
}

HEALTH: dict[str, Status] = {
    "Healthy": Status("Healthy", Kind.OK, "circle-check"),
    "HasWarnings": Status("Has warnings", Kind.WARN, "triangle-alert"),
    "Unhealthy": Status("Unhealthy", Kind.BAD, "circle-x"),
    "Unavailable": Status("Unavailable", Kind.BAD, "unplug"),
    "Unknown": Status("Not checked yet", Kind.IDLE, "circle-question-mark"),
    "Offline": Status("Offline", Kind.BAD, "circle-x"),
    "Full": Status("Full", Kind.WARN, "triangle-alert"),
    "Disabled": Status("Disabled", Kind.IDLE, "power-off"),
    "Paused": Status("Paused", Kind.WARN, "circle-pause"),
    "Draining": Status("Draining", Kind.WARN, "hourglass"),
    "Revoked": Status("Revoked", Kind.BAD, "key-round"),
    "Enabled": Status("Enabled", Kind.OK, "circle-check"),
}

NODES: dict[str, Status] = {
    "Running": Status("Running", Kind.OK, "circle-check"),
    "Draining": Status("Draining", Kind.WARN, "hourglass"),
    "Stopped": Status("Stopped", Kind.IDLE, "power-off"),
    "Away": Status("Away", Kind.BAD, "unplug"),
}

FAMILIES: dict[str, dict[str, Status]] = {"run": RUNS, "health": HEALTH, "node": NODES}

SPELLINGS = {"cancelled": "canceled", "succeeded": "success"}


def _key(state: str) -> str:
    plain = "".join(char for char in state.casefold() if char.isalnum())
    return SPELLINGS.get(plain, plain)


BY_KEY: dict[str, dict[str, Status]] = {
    family: {_key(state): status for state, status in states.items()} for family, states in FAMILIES.items()
}


def status_of(state: object, *, family: str = "") -> Status:
    """The look of `state` (a choice, its value, or its words in any case).

    `family` is "run", "health" or "node" and only matters for *Unknown* and *Running*, which mean
    different things there.
    A state that nobody described is shown by its own words, in the idle colour.
    """
    key = _key(str(state))
    for name in [family] if family else FAMILIES:
        if found := BY_KEY[name].get(key):
            return found
    return Status(str(state), Kind.IDLE, "circle")
