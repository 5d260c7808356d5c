"""Send an e-mail, as a step that the server does."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from django.conf import settings

from common import mail as transport
from domain.labels import listed
from domain.plans import Severity
from domain.runs import StepStatus
from domain.step_types import email
from domain.step_types.email import Mail, Priority
from protocol.log import Level
from protocol.masking import SHORTEST, mask
from tasks.performers import Ended, Order, Outside, Refused
from tasks.step_checks import Checked, Finding

_PRIORITIES = {Priority.HIGH: ("1 (Highest)", "high"), Priority.LOW: ("5 (Lowest)", "low")}


def check(checked: Checked) -> list[Finding]:
    if transport.is_set_up():
        return []
    sentence = "sends an e-mail, and this server has no mail server: see E-mail in its settings."
    return [Finding(sentence, Severity.ERROR)]


def perform(order: Order, now: datetime) -> Outside:
    """Raises `Refused` for what no mail may be."""
    try:
        mail = email.mail(order.properties, order.fill)
        message = _message(mail, order, now)
    except ValueError as problem:
        raise Refused(f"Not sent. {problem}") from problem
    secrets = [one for one in order.secrets if len(one) >= SHORTEST]
    return Outside(lambda: _send(mail, message, secrets))


def _message(mail: Mail, order: Order, now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.SMTP_FROM
    message["To"] = ", ".join(mail.to) or "undisclosed-recipients:;"
    if mail.cc:
        message["Cc"] = ", ".join(mail.cc)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    # The same for every delivery of this try, so that a mail server can tell a second one.
    message["Message-ID"] = f"<{order.attempt_id}@{settings.SMTP_FROM.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if words := _PRIORITIES.get(mail.priority):
        message["X-Priority"], message["Importance"] = words
    message.set_content(mail.body, subtype="html" if mail.is_html else "plain", charset="utf-8")
    return message


def _send(mail: Mail, message: EmailMessage, secrets: list[str]) -> Ended:
    try:
        sent = transport.send(message, recipients=mail.recipients)
    except transport.NotSent as problem:
        return Ended(StepStatus.FAILED, f"Not sent. {problem}")
    except transport.PerhapsSent as problem:
        return Ended(StepStatus.UNKNOWN, f"{problem} It may have been sent, and is not sent again by itself.")
    taken = [one for one in mail.recipients if one not in sent.refused]
    notes = [(f"Sent to {listed(taken)}. The mail server said: {sent.answer}", Level.INFO)]
    notes += [(f"Not sent to {one}: {words}", Level.WARNING) for one, words in sent.refused.items()]
    notes = [(mask(text.encode(), secrets).decode("utf-8", "replace"), level) for text, level in notes]
    return Ended(StepStatus.SUCCESS, notes=notes, has_warnings=bool(sent.refused))
