"""A real mail server for tests, as small as can be: it takes what it is sent, or does as it is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self


@dataclass
class Taken:
    """An e-mail with its envelope."""

    sender: str
    recipients: list[str]
    message: EmailMessage


@dataclass
class SmtpServer:
    """`refuse` are recipients that it does not take; `answer` is what it says to a whole message, and
    `hangs_up` means that it says nothing and closes the connection, having taken it."""

    refuse: frozenset[str] = frozenset()
    answer: str = "250 2.0.0 Queued as 1"
    hangs_up: bool = False
    taken: list[Taken] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # closed before
            # A thread that waits for a connection would take one more.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def settings(self) -> dict[str, Any]:
        """As Django settings."""
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": self.port,
            "SMTP_SECURITY": "none",
            "SMTP_USER": "",
            "SMTP_FROM": "octoworkers@example.org",
        }

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            _say(stream, "220 test")
            sender, recipients = "", list[str]()
            for line in stream:
                verb, _, rest = line.decode().strip().partition(" ")
                if verb.upper() == "DATA":
                    _say(stream, "354 go on")
                    self._take(sender, recipients, _data(stream))
                    if self.hangs_up:
                        return
                    _say(stream, self.answer)
                    continue
                address = _address(rest)
                if verb.upper() == "MAIL":
                    sender, recipients = address, []
                elif verb.upper() == "RCPT" and address not in self.refuse:
                    recipients.append(address)
                _say(stream, "550 No such user" if address in self.refuse else "250 ok")

    def _take(self, sender: str, recipients: list[str], data: bytes) -> None:
        if self.answer.startswith("250"):
            message = message_from_bytes(data, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(Taken(sender, recipients, message))


def _say(stream: Any, text: str) -> None:
    stream.write(text.encode() + b"\r\n")
    stream.flush()


def _address(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]


def _data(stream: Any) -> bytes:
    lines = []
    for line in stream:
        if line == b".\r\n":
            break
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)
