"""What a channel lets in: versions of packages by range and pre-release, and tenants by tag.

Source: Octopus Deploy's channels, whose ranges are NuGet's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain import codec, versions
from domain.conditions import has_tags
from domain.labels import listed
from domain.plan_packages import ChosenPackage

MOST_RULES = 50
LONGEST_RANGE = 200
LONGEST_TAG = 100
#: Each repetition multiplies the time that a match may take; a pre-release has at most 100 characters.
MOST_REPETITIONS = 3

_RANGE = re.compile(
    r"(?P<open>[\[(])\s*(?P<low>[^,\[\]()]*?)\s*(?P<rest>,\s*(?P<high>[^,\[\]()]*?)\s*)?(?P<close>[\])])"
)


@dataclass(frozen=True, slots=True)
class RulePackage:
    """A package of a step: the step's name, in any case, and the name of the reference, "" for its own.

    Steps are told by name, as in Octopus Deploy, so that a file can hold a channel beside its process."""

    step: str
    name: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.step.casefold(), self.name.casefold()


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """Versions that a release in the channel may have of these packages: within `version_range` ("" is any),
    with a pre-release that `tag`, a regular expression, finds something in ("" is any)."""

    version_range: str = ""
    tag: str = ""
    packages: tuple[RulePackage, ...] = ()

    def covers(self, step: str, name: str) -> bool:
        wanted = RulePackage(step, name).key
        return any(one.key == wanted for one in self.packages)

    def allows(self, version: str) -> bool:
        return in_range(version, self.version_range) and has_tag(version, self.tag)

    @property
    def text(self) -> str:
        """What it asks for, to go on from "versions "."""
        parts = [f"in {self.version_range}"] if self.version_range else []
        parts += [f"with a pre-release that matches {self.tag}"] if self.tag else []
        return " ".join(parts) or "of any kind"


def rules_of(rows: Iterable[codec.Json]) -> tuple[ChannelRule, ...]:
    """As a channel stores them. Raises `codec.Malformed`."""
    return tuple(codec.decode_fields(ChannelRule, row) for row in rows)


def problem_with(rule: ChannelRule) -> str | None:
    """Why nobody can follow this rule, or None."""
    return _problem_with_range(rule.version_range) or _problem_with_tag(rule.tag)


def _problem_with_range(text: str) -> str | None:
    if not text:
        return None
    if len(text) > LONGEST_RANGE or _ends(text) is None:
        return (
            f"{text[:60]} is no range of versions. Write 1.0 for that or higher, [1.0] for that alone, or "
            "two ends such as [1.0,2.0), where a round bracket leaves the end out."
        )
    return None


def _problem_with_tag(text: str) -> str | None:
    if len(text) > LONGEST_TAG:
        return f"A pre-release pattern has at most {LONGEST_TAG} characters."
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"The pre-release pattern is no regular expression: {error}."
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", text)
    if re.search(r"\)[*+?{]|\(\?", plain) or re.search(r"\\[1-9]", text):
        return (
            "A pre-release pattern cannot repeat groups or refer to them: such a pattern may take for ever."
        )
    if len(re.findall(r"[*+{]", plain)) > MOST_REPETITIONS:
        return f"A pre-release pattern has at most {MOST_REPETITIONS} repetitions (* + {{)."
    return None


def in_range(version: str, text: str) -> bool:
    """Whether a version is in a range that is written as NuGet's are; "" holds all."""
    if not text:
        return True
    ends = _ends(text)
    if ends is None or versions.parts_of(version) is None:
        return False
    key = versions.sort_key(version)
    low, takes_low, high, takes_high = ends
    above = not low or key > low or (takes_low and key == low)
    below = not high or key < high or (takes_high and key == high)
    return above and below


def has_tag(version: str, pattern: str) -> bool:
    """Whether the pattern finds something in the pre-release; `^$` finds versions without one."""
    if not pattern:
        return True
    found = versions.parts_of(version)
    return found is not None and re.search(pattern, found[1], re.IGNORECASE) is not None


def _ends(text: str) -> tuple[str, bool, str, bool] | None:
    """The keys of the ends ("" is open) and whether each belongs to the range; None for what is no range."""
    if versions.parts_of(text.strip()) is not None:
        return versions.sort_key(text.strip()), True, "", False
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found["low"] or found["high"]):
        return None
    takes_low, takes_high = found["open"] == "[", found["close"] == "]"
    low, high = _key(found["low"]), _key(found["high"] or "")
    if low is None or high is None:
        return None
    if not found["rest"]:
        return (low, True, low, True) if takes_low and takes_high else None
    if low and high and (low > high or (low == high and not (takes_low and takes_high))):
        return None
    return low, takes_low, high, takes_high


def _key(text: str) -> str | None:
    """None for what is no version."""
    if not text:
        return ""
    return versions.sort_key(text) if versions.parts_of(text) is not None else None


def refused_packages(
    rules: Sequence[ChannelRule], chosen: Iterable[ChosenPackage]
) -> Iterator[tuple[ChosenPackage, str]]:
    """Each package whose version a rule does not let in, with the reason, to a person."""
    for package in chosen:
        for rule in rules:
            if rule.covers(package.step, package.name) and not rule.allows(package.version):
                what = f"{package.label} of {package.step}"
                yield package, f"{what} is not let in: the channel takes versions {rule.text}."
                break


def missing_packages(rules: Sequence[ChannelRule], known: Iterable[tuple[str, str]]) -> list[RulePackage]:
    """What rules are about and no step has: a renamed step must not get round them. `known` are pairs of step
    and name of the reference."""
    keys = {RulePackage(*one).key for one in known}
    return [one for rule in rules for one in rule.packages if one.key not in keys]


def refused_tenant(channel: str, tags: Iterable[str], tenant: str | None, own: frozenset[str]) -> str | None:
    """Why a release in the channel may not go to a tenant (None: to none) with its `own` tags, or None. The
    tags are canonical names: of each set one is enough."""
    wanted = sorted(tags)
    if has_tags(own, wanted):
        return None
    who = f"{tenant} has not" if tenant else "a deployment without a tenant has not"
    return f"Releases in the channel {channel} go to tenants with {listed(wanted)}: {who}."
