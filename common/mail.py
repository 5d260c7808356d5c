"""Sends an e-mail by the mail server of the settings, and says how far it came."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as POLICY

from django.conf import settings

#: Seconds that each answer of the mail server may take.
TIMEOUT = 30.0
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_DATA_FOLLOWS = 354
_DONE = 250


class NotSent(Exception):
    """Nobody got it; the message says why."""


class PerhapsSent(Exception):
    """All of it was handed over, and the mail server did not say whether it took it."""


@dataclass(frozen=True)
class Sent:
    """`refused` are recipients that the mail server did not take, with its words; the others get it."""

    answer: str
    refused: dict[str, str]


def is_set_up() -> bool:
    return bool(settings.SMTP_HOST)


def send(message: EmailMessage, *, recipients: Sequence[str]) -> Sent:
    """Once, to all recipients that the mail server takes. Raises `NotSent` or `PerhapsSent`."""
    if not is_set_up():
        raise NotSent("This server has no mail server: OCTOWORKERS_SMTP_HOST is not set.")
    server: smtplib.SMTP | None = None
    try:
        server = _connected()
        refused = _addressed(server, recipients)
        return Sent(_handed_over(server, message), refused)
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"The mail server refused it: {error.smtp_code} {_words(error.smtp_error)}") from error
    except ssl.SSLError as error:
        raise NotSent(f"No safe connection to the mail server {_address()}: {error}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"The mail server {_address()} cannot be used: {error}") from error
    finally:
        if server is not None:
            server.close()


def _address() -> str:
    return f"{settings.SMTP_HOST}:{_port()}"


def _port() -> int:
    return settings.SMTP_PORT or _PORTS[settings.SMTP_SECURITY]


def _connected() -> smtplib.SMTP:
    """Raises smtplib.SMTPException or OSError."""
    host, port, security = settings.SMTP_HOST, _port(), settings.SMTP_SECURITY
    server: smtplib.SMTP
    if security == "tls":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    try:
        server.ehlo_or_helo_if_needed()
        if security == "starttls":
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if settings.SMTP_USER:
            server.login(settings.SMTP_USER, settings.SMTP_PASSWORD)
    except BaseException:
        server.close()
        raise
    return server


def _addressed(server: smtplib.SMTP, recipients: Sequence[str]) -> dict[str, str]:
    """Those that were refused. Raises as `send` does where that is everybody."""
    code, answer = server.mail(settings.SMTP_FROM)
    if code != _DONE:
        raise smtplib.SMTPSenderRefused(code, answer, settings.SMTP_FROM)
    refused: dict[str, str] = {}
    for one in recipients:
        code, answer = server.rcpt(one)
        if code not in (250, 251):
            refused[one] = f"{code} {_words(answer)}"
    if len(refused) == len(recipients):
        raise NotSent("The mail server refused all recipients: " + "; ".join(map(": ".join, refused.items())))
    return refused


def _handed_over(server: smtplib.SMTP, message: EmailMessage) -> str:
    code, answer = server.docmd("DATA")
    if code != _DATA_FOLLOWS:
        raise smtplib.SMTPDataError(code, answer)
    # A line that begins with a dot gets another one, so that it does not end the message.
    data = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=POLICY.clone(cte_type="7bit")))
    end = b"" if data.endswith(b"\r\n") else b"\r\n"
    try:
        server.send(data + end + b".\r\n")
        code, answer = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise PerhapsSent(
            f"The connection to the mail server broke after the message was handed over ({error}), "
            "and before it said whether it took it."
        ) from error
    if code != _DONE:
        raise smtplib.SMTPDataError(code, answer)
    return _words(answer)


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]
