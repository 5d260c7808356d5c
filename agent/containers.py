"""Scripts inside of containers: `docker` or `podman`, whichever this machine has.

The attempt's folder stands in the container under its own path, so that what is prepared for a script is the
same inside and outside. Values reach the container through the environment of the program that starts it,
never through its arguments. The image is fetched by the watched process itself: its log and a cancel are
those of the script.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent import environment as surroundings
from agent.files import read_json
from agent.scripts import CannotRun, Command, find_program, write_private

#: What an agent reports that can run scripts in containers.
FEATURE = "containers"
ENGINES = ("docker", "podman")

#: What says where an engine is, which is the agent's to know and not the script's.
_OF_ENGINE = (
    "CONTAINER_HOST",
    "DOCKER_CERT_PATH",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "XDG_RUNTIME_DIR",
)
#: What both end with when they could not run a container at all.
_COULD_NOT_RUN = 125
_LOGIN_SECONDS = 60.0
_KILL_SECONDS = 20.0
_NOTE, _CREATED, _LOGIN = "container.json", "container.id", "login"
_RUN = f"""\
engine=$1 image=$2
shift 2
"$engine" image inspect "$image" >/dev/null 2>&1 || {{
    printf 'Fetching the image %s.\\n' "$image"
    "$engine" pull --quiet "$image" >/dev/null || exit {_COULD_NOT_RUN}
}}
exec "$engine" "$@"
"""


@dataclass(frozen=True)
class Wish:
    """What a step asks for: an image, and whom to sign in as at its registry, "" for nobody."""

    image: str
    username: str = ""
    password: str = ""

    @property
    def registry(self) -> str:
        """Where the image comes from; "" for the engine's usual place."""
        first, slash, _ = self.image.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def engine_in(path: str) -> str | None:
    """The absolute path of the first engine that is found in a PATH."""
    return next((found for name in ENGINES if (found := find_program(name, path))), None)


def wrap(command: Command, wish: Wish, *, folder: Path, name: str) -> Command:
    """The same command, to be run in a container of this name. Raises `CannotRun` and OSError."""
    if not wish.image or wish.image.startswith("-") or not wish.image.isprintable() or " " in wish.image:
        raise CannotRun(f"{wish.image[:80]!r} cannot be the name of a container image.")
    path = command.environment["PATH"]
    engine, shell = engine_in(path), find_program("sh", path)
    if engine is None or shell is None:
        raise CannotRun("The step runs in a container, and this worker has neither docker nor podman.")
    signed_in = _signed_in(engine, wish, folder) if wish.username else {}
    (folder / _CREATED).unlink(missing_ok=True)
    write_private(folder / _NOTE, json.dumps({"engine": engine, "name": name}))
    run = ["run", *_options(command.environment, engine, folder, name), wish.image, *command.arguments]
    return replace(
        command,
        program=shell,
        arguments=["sh", "-c", _RUN, "sh", engine, wish.image, *run],
        environment={**_engine_environment(command.environment), **signed_in},
    )


def _engine_environment(around: Mapping[str, str]) -> dict[str, str]:
    return {**{name: os.environ[name] for name in _OF_ENGINE if name in os.environ}, **around}


def _options(environment: Mapping[str, str], engine: str, folder: Path, name: str) -> list[str]:
    user, group = os.getuid(), os.getgid()
    # Without this, podman of a person who is not root makes files that are somebody else's.
    kept = ["--userns=keep-id"] if Path(engine).name == "podman" and user else []
    # Only their names: the values are in the environment of the engine's program.
    names = [one for one in environment if one not in surroundings.OWN]
    return [
        "--rm",
        "--init",
        *kept,
        f"--name={name}",
        f"--cidfile={folder / _CREATED}",
        f"--user={user}:{group}",
        f"--volume={folder}:{folder}",
        f"--workdir={folder / 'work'}",
        "--entrypoint=",
        "--env=HOME=/tmp",
        *(f"--env={one}" for one in sorted(names)),
    ]


def _signed_in(engine: str, wish: Wish, folder: Path) -> dict[str, str]:
    """Variables by which the engine finds the sign-in, which is this attempt's alone. Raises `CannotRun`."""
    login = folder / _LOGIN
    login.mkdir(mode=0o700, exist_ok=True)
    found = {"DOCKER_CONFIG": str(login), "REGISTRY_AUTH_FILE": str(login / "auth.json")}
    options = [f"--username={wish.username}", "--password-stdin", *filter(None, [wish.registry])]
    try:
        answer = subprocess.run(
            [engine, "login", *options],
            input=wish.password.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**_engine_environment(surroundings.build({})), **found},
            timeout=_LOGIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"The registry {wish.registry} did not answer when signing in.") from error
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").replace(wish.password, "********").strip()
        raise CannotRun(f"Signing in at {wish.registry or 'the registry'} failed: {said[-300:]}")
    return found


def could_not_run(folder: Path, exit_code: int | None) -> str:
    """What to say of an end that was none of the script's; "" for one that was."""
    noted = _noted(folder)
    if exit_code != _COULD_NOT_RUN or not noted or (folder / _CREATED).exists():
        return ""
    return f"{Path(noted['engine']).name} could not run the container; the last lines of the log say why."


def kill(folder: Path) -> None:
    """Ends the container of an attempt, if it has one: killing the program that started it does not."""
    noted = _noted(folder)
    if not noted:
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [noted["engine"], "kill", noted["name"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_engine_environment(surroundings.build({})),
            timeout=_KILL_SECONDS,
            check=False,
        )


def discard(folder: Path) -> None:
    """Remove what signing in wrote."""
    login = folder / _LOGIN
    for file in login.glob("*") if login.is_dir() else ():
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        login.rmdir()


def _noted(folder: Path) -> dict[str, str]:
    noted = read_json(folder / _NOTE)
    return noted if isinstance(noted, dict) else {}
