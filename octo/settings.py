"""Where the server is and who asks: from the environment, or else from what `octo login` kept.

The file holds a key, so only its owner may read it. The key in it is sent to the server that it was given
for and to no other.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from octo.failures import BadUsage, NotAllowed

URL, KEY, SPACE, FILE = "OCTOPUS_URL", "OCTOPUS_API_KEY", "OCTOPUS_SPACE", "OCTO_CONFIG"
NOT_SIGNED_IN = f"You are not signed in. Run octo login URL, or set {URL} and {KEY}."


@dataclass(frozen=True)
class Login:
    """`space` is an id, slug or name; empty means the default space."""

    url: str
    key: str
    space: str = ""


def path(environment: Mapping[str, str] = os.environ) -> Path:
    chosen = environment.get(FILE)
    return Path(chosen) if chosen else Path(typer.get_app_dir("octo")) / "login.json"


def current(environment: Mapping[str, str] = os.environ) -> Login:
    """Raises NotAllowed where nothing says which server or which key."""
    kept = read(path(environment))
    url = clean_url(environment[URL]) if environment.get(URL) else (kept.url if kept else "")
    is_kept = kept is not None and kept.url == url
    key = environment.get(KEY) or (kept.key if kept and is_kept else "")
    if not url or not key:
        raise NotAllowed(NOT_SIGNED_IN, status=401)
    return Login(url, key, environment.get(SPACE) or (kept.space if kept and is_kept else ""))


def clean_url(text: str) -> str:
    """Without a slash at the end. Raises BadUsage where it is no address of a server."""
    url = text.strip().rstrip("/")
    if not url.startswith(("http://", "https://")) or "@" in url or len(url.partition("://")[2]) == 0:
        raise BadUsage(f"{text!r} is not the address of a server, such as https://ops.example.org.")
    return url


def read(file: Path) -> Login | None:
    """What is kept; None where nothing is. Raises BadUsage where it cannot be read."""
    try:
        found = json.loads(file.read_text())
        return Login(str(found["url"]), str(found["key"]), str(found.get("space", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadUsage(f"{file} cannot be read ({error}). Run octo login again.") from error


def keep(file: Path, login: Login) -> None:
    """Replaces the file as a whole, readable by its owner alone from its first moment."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".login-")  # made with 0600
    try:
        with os.fdopen(handle, "w") as stream:
            json.dump(asdict(login), stream)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def forget(file: Path) -> bool:
    """Whether there was something to forget."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
