"""What a build says about a package: its commits and work items, with links that are safe to follow."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

#: How many commits and work items of one build are kept.
MOST = 1000
LONGEST_COMMENT = 2000


@dataclass(frozen=True, slots=True)
class Commit:
    """`link` is "" where there is no address of it."""

    id: str
    comment: str = ""
    link: str = ""

    @property
    def subject(self) -> str:
        """The first line."""
        return self.comment.strip().partition("\n")[0]

    @property
    def short(self) -> str:
        """As people write it: the first letters of a hash, all of anything else."""
        is_hash = len(self.id) >= 32 and all(sign in "0123456789abcdefABCDEF" for sign in self.id)
        return self.id[:8] if is_hash else self.id


@dataclass(frozen=True, slots=True)
class WorkItem:
    id: str
    description: str = ""
    link: str = ""
    source: str = ""


def safe_link(text: str) -> str:
    """The address if a browser may be sent there, which is to http and https alone; else ""."""
    stripped = text.strip()
    try:
        found = urlsplit(stripped)
    except ValueError:
        return ""
    is_web = found.scheme.lower() in ("http", "https") and bool(found.hostname)
    return stripped if is_web and not any(sign <= " " for sign in stripped) else ""


def commit_link(root: str, commit: str) -> str:
    """The page of a commit of a repository on GitHub and those that are like it; "" where it has none."""
    base = safe_link(root).rstrip("/").removesuffix(".git")
    is_plain = commit.isascii() and commit.isalnum()
    # Credentials in the address of a repository are nobody's business here.
    return f"{base}/commit/{commit}" if base and is_plain and "@" not in base else ""
