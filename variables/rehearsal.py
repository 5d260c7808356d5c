"""What the log of a run would mask in a text: the same masker, with the secrets that the run would have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain import octostache
from domain.scopes import Context
from domain.variables import Candidate, Resolution, VariableType, expanded, resolve_all
from protocol.masking import SHORTEST, Patterns, TooShort, forms_of
from variables.services import sealing

_SHORTEST_NAMED = 4
"""Characters; a shorter plain value is found by chance."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the text. `hidden_by` names the variable whose secret it is; empty where it shows.
    `is_encoded`: it is another form of the secret, such as base64, or a line of it."""

    text: str
    hidden_by: str = ""
    is_encoded: bool = False


@dataclass(frozen=True)
class Unmasked:
    """A variable that hides nothing here, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Rehearsal:
    pieces: tuple[Piece, ...]
    unmasked: tuple[Unmasked, ...]

    @property
    def masked(self) -> int:
        return sum(bool(piece.hidden_by) for piece in self.pieces)


def rehearse(
    text: str, candidates: Sequence[Candidate], context: Context, *, known: Mapping[str, str]
) -> Rehearsal:
    """`known` are the system variables that a run in this place has. Only secrets that apply here are
    compared with the text; those of other places are named, so that nobody can try them out."""
    resolutions = resolve_all(candidates, context)
    winners = expanded(one.winner for one in resolutions.values() if one.winner is not None)
    plain, problems = _opened(winners)
    filled = {**plain, **_filled({**known, **plain})}
    secrets = {
        name: {plain[name], filled[name]} - {""}
        for name, one in winners.items()
        if _is_secret(one) and name in plain
    }
    masking = {
        name: some
        for name, texts in secrets.items()
        if (some := {one for one in texts if len(one) >= SHORTEST})
    }
    unmasked = [
        *problems,
        *(Unmasked(name, _why_not(secrets[name])) for name in secrets if name not in masking),
        *_elsewhere(resolutions),
        *_shown(text, winners, filled),
    ]
    return Rehearsal(
        tuple(_pieces(text, masking)), tuple(sorted(unmasked, key=lambda one: one.name.casefold()))
    )


def _is_secret(candidate: Candidate) -> bool:
    return candidate.type is VariableType.SENSITIVE


def _opened(winners: Mapping[str, Candidate]) -> tuple[dict[str, str], list[Unmasked]]:
    plain: dict[str, str] = {}
    problems = []
    for name, one in winners.items():
        try:
            plain[name] = sealing.unseal(one.value) if _is_secret(one) else one.value
        except sealing.CannotUnseal as error:
            problems.append(Unmasked(name, str(error)))
    return plain, problems


def _filled(values: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return octostache.expand_all(values).values
    except octostache.TemplateError:
        return values


def _why_not(texts: set[str]) -> str:
    if not texts:
        return "It is empty: there is nothing to mask."
    return f"It has fewer than {SHORTEST} characters, so that a step that gets it does not start."


def _elsewhere(resolutions: Mapping[str, Resolution]) -> Iterator[Unmasked]:
    """Secrets that no run here has."""
    for name, resolution in resolutions.items():
        winner = resolution.winner
        if winner is not None and _is_secret(winner):
            continue
        hidden = [one for one in resolution.verdicts if _is_secret(one.candidate)]
        if hidden:
            yield Unmasked(name, f"No sensitive value of it is used here. {hidden[0].sentence}.")


def _shown(text: str, winners: Mapping[str, Candidate], filled: Mapping[str, str]) -> Iterator[Unmasked]:
    """Plain values that stand in the text."""
    for name, one in winners.items():
        value = filled.get(name, "")
        if one.type is VariableType.STRING and len(value) >= _SHORTEST_NAMED and value in text:
            yield Unmasked(
                name, "Its value stands in the text and is not sensitive. Change its type to hide it."
            )


def _pieces(text: str, secrets: Mapping[str, set[str]]) -> Iterator[Piece]:
    data = text.encode("utf-8", "surrogatepass")
    owners = _owners(secrets)
    done = 0
    for match in Patterns(one for some in secrets.values() for one in some).find(data):
        yield from _plain(data[done : match.start()])
        name, is_encoded = owners[match.group()]
        yield Piece(match.group().decode("utf-8", "replace"), name, is_encoded)
        done = match.end()
    yield from _plain(data[done:])


def _plain(data: bytes) -> Iterator[Piece]:
    if data:
        yield Piece(data.decode("utf-8", "replace"))


def _owners(secrets: Mapping[str, set[str]]) -> dict[bytes, tuple[str, bool]]:
    """The variable that each form belongs to, and whether the form is another one than the secret itself."""
    found: dict[bytes, tuple[str, bool]] = {}
    for name, texts in secrets.items():
        for text in texts:
            for form in _forms(text):
                is_encoded = form != text.encode("utf-8", "surrogatepass")
                if form not in found or found[form][1] > is_encoded:
                    found[form] = (name, is_encoded)
    return found


def _forms(text: str) -> set[bytes]:
    try:
        return forms_of(text)
    except TooShort:
        return set()
