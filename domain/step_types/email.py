"""Send an e-mail: the server sends it, once, by the mail server of its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.processes import EMAIL_ACTION
from domain.step_types.base import Fault, Fill, Properties, StepType, Text

_PREFIX = "Octopus.Action.Email."
TO = f"{_PREFIX}To"
CC = f"{_PREFIX}CC"
BCC = f"{_PREFIX}Bcc"
SUBJECT = f"{_PREFIX}Subject"
BODY = f"{_PREFIX}Body"
IS_HTML = f"{_PREFIX}IsHtml"
PRIORITY = f"{_PREFIX}Priority"

LABELS = {
    TO: "To",
    CC: "Cc",
    BCC: "Bcc",
    SUBJECT: "Subject",
    IS_HTML: "Body is HTML",
    BODY: "Body",
    PRIORITY: "Priority",
}
MOST_RECIPIENTS = 100
LONGEST_SUBJECT = 500
LONGEST_ADDRESS = 254
_NOUNS = {TO: "recipient", CC: "copy", BCC: "blind copy"}
_SEPARATORS = re.compile(r"[,;\n]")
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\"\\\x00-\x1f\x7f]+\Z")


class Priority(StrEnum):
    NORMAL = "Normal"
    HIGH = "High"
    LOW = "Low"


class BadMail(ValueError):
    """It cannot be sent like that; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail with its values put in."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    body: str
    is_html: bool
    priority: Priority

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


def addresses(text: str) -> tuple[str, ...]:
    """From a text in which they are separated by commas, semicolons or line breaks. Raises `BadMail`."""
    found = tuple(filter(None, (part.strip() for part in _SEPARATORS.split(text.replace("\r\n", "\n")))))
    for one in found:
        if len(one) > LONGEST_ADDRESS or not _ADDRESS.match(one):
            raise BadMail(f'"{_shown(one)}" is not an e-mail address.')
    return found


def mail(properties: Properties, fill: Fill) -> Mail:
    """What to send. Raises `BadMail` for what no mail may be, such as a line break in the subject, by which
    a value would add a header of its own."""
    subject = fill(properties.get(SUBJECT, "")).strip()
    if any(ord(one) < 32 or ord(one) == 127 or one in "\u0085\u2028\u2029" for one in subject):
        raise BadMail("The subject has a line break or a control character in it.")
    if not subject:
        raise BadMail("The subject is empty.")
    to, cc, bcc = (addresses(fill(properties.get(name, ""))) for name in (TO, CC, BCC))
    made = Mail(
        to, cc, bcc, subject[:LONGEST_SUBJECT], fill(properties.get(BODY, "")),
        properties.get(IS_HTML, "").casefold() == "true", Priority(properties.get(PRIORITY) or "Normal"),
    )  # fmt: skip
    if not made.recipients:
        raise BadMail("Nobody is left to send it to: the recipients are empty.")
    if len(made.recipients) > MOST_RECIPIENTS:
        raise BadMail(f"It would go to {len(made.recipients)} people, where {MOST_RECIPIENTS} is the most.")
    return made


def address_fault(text: str) -> str:
    """A sentence about what is wrong with a list of addresses as it is written; empty for none. What refers
    to variables is only known when the step runs."""
    plain = [part for part in _SEPARATORS.split(text) if "#{" not in part]
    try:
        addresses("\n".join(plain))
    except BadMail as problem:
        return str(problem)
    return ""


def _texts(properties: Properties) -> Sequence[Text]:
    nouns = {**_NOUNS, SUBJECT: "subject", BODY: "body"}
    return [Text(noun, properties.get(name, "")) for name, noun in nouns.items() if properties.get(name)]


def _faults(properties: Properties) -> Iterator[Fault]:
    if not any(properties.get(name, "").strip() for name in _NOUNS):
        yield Fault("sends an e-mail to nobody.")
    if not properties.get(SUBJECT, "").strip():
        yield Fault("sends an e-mail without a subject.")
    for name in _NOUNS:
        if sentence := address_fault(properties.get(name, "")):
            yield Fault(f"has a recipient that cannot be: {sentence}")
    if (properties.get(PRIORITY) or "Normal") not in tuple(Priority):
        yield Fault(
            f'has the priority "{_shown(properties[PRIORITY])}", where only {", ".join(Priority)} can stand.'
        )


def _shown(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text[:60])


EMAIL = StepType(key=EMAIL_ACTION, texts=_texts, faults=_faults, labels=LABELS)
