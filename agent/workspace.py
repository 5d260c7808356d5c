"""The folders of the attempts that the agent holds."""

from __future__ import annotations

import uuid

from agent.config import Home
from agent.files import remove_tree
from agent.journal import AttemptFolder, Journal


def is_attempt_id(text: str) -> bool:
    """Whether it is a UUID in its one usual form, and so safe as the name of a folder."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


class Workspace:
    def __init__(self, home: Home) -> None:
        self.home = home

    def folder(self, attempt_id: str) -> AttemptFolder:
        return AttemptFolder(self.home.attempts / attempt_id)

    def journals(self) -> list[Journal]:
        """The attempts that were accepted and not settled yet; what never got that far is removed."""
        found = []
        for path in sorted(self.home.attempts.iterdir()):
            journal = AttemptFolder(path).read_journal() if is_attempt_id(path.name) else None
            if journal is not None:
                found.append(journal)
            else:
                remove_tree(path)
        return found

    def remove(self, attempt_id: str) -> None:
        """Take the attempt's folder out of the way at once, then remove it."""
        target = self.home.trash / uuid.uuid4().hex
        try:
            (self.home.attempts / attempt_id).replace(target)
        except FileNotFoundError:
            return
        remove_tree(target)

    def empty_trash(self) -> None:
        for path in self.home.trash.iterdir():
            remove_tree(path)
