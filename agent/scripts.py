"""Writes a script and what goes before it to files, and says how to run them.

The script stays a file of its own, so that its interpreter's messages carry its own line numbers.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent import powershell

_BASH_START = """\
unset BASH_ENV
write_verbose() { printf '##octopus[stdout-verbose]\\n%s\\n##octopus[stdout-default]\\n' "$*"; }
write_highlight() { printf '##octopus[stdout-highlight]\\n%s\\n##octopus[stdout-default]\\n' "$*"; }
write_warning() { printf '##octopus[stdout-warning]\\n%s\\n##octopus[stdout-default]\\n' "$*"; }
set_octopusvariable() {
    local name value sensitive=RmFsc2U=
    name=$(printf %s "${1-}" | base64 | tr -d '\\n')
    value=$(printf %s "${2-}" | base64 | tr -d '\\n')
    case "${3-}" in -sensitive|--sensitive) sensitive=VHJ1ZQ==;; esac
    printf "##octopus[setVariable name='%s' value='%s' sensitive='%s']\\n" "$name" "$value" "$sensitive"
}
"""

_PYTHON_START = """
def _start(values, path, parameters, folder):
    import binascii, os, sys
    start = sys._getframe().f_code.co_filename

    def get_octopusvariable(name):
        return values.get(name.lower(), "")

    def encoded(value):
        return binascii.b2a_base64(str(value).encode(), newline=False).decode()

    def set_octopusvariable(name, value, sensitive=False):
        words = encoded(name), encoded(value), encoded(bool(sensitive))
        print("##octopus[setVariable name='%s' value='%s' sensitive='%s']" % words, flush=True)

    def at(level):
        def write(message):
            print("##octopus[stdout-%s]\\n%s\\n##octopus[stdout-default]" % (level, message), flush=True)
        return write

    def show(kind, error, trace):
        while trace is not None and trace.tb_frame.f_code.co_filename == start:
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    sys.excepthook = show
    sys.argv = [path, *parameters]
    sys.path[0] = folder or os.getcwd()
    sys.stdout.reconfigure(line_buffering=True)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    scope = sys.modules["__main__"].__dict__
    names = ("__builtins__", "__doc__", "__package__", "__spec__", "__loader__")
    kept = {name: scope[name] for name in names}
    scope.clear()
    scope.update(
        kept, __name__="__main__", __file__=path,
        get_octopusvariable=get_octopusvariable, set_octopusvariable=set_octopusvariable,
        printverbose=at("verbose"), printhighlight=at("highlight"), printwarning=at("warning"),
    )
    return code, scope

"""


_FILES = (
    "bootstrap.sh",
    "script.sh",
    "bootstrap.py",
    "script.py",
    powershell.BOOTSTRAP,
    powershell.SCRIPT,
)


class CannotRun(Exception):
    """The script cannot be run on this machine; the message says why."""


@dataclass(frozen=True)
class Command:
    """`program` is the absolute path of the interpreter."""

    program: str
    arguments: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Source:
    """A script with its parameters, which may be secret: they never stand on a command line. `file` is one
    that is there already, and is run where it is, instead of `script`."""

    script: str = ""
    file: Path | None = None
    parameters: Sequence[str] = ()

    def path(self, folder: Path, name: str) -> Path:
        """Where the script is, written into `folder` under this name unless it is there already."""
        if self.file is not None:
            return self.file
        write_private(folder / name, self.script)
        return folder / name


def prepare(
    folder: Path,
    *,
    syntax: str,
    script: str | Source,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
) -> Command:
    """Files in `folder` that only their owner reads, to be run in a folder below it. Raises `CannotRun`."""
    languages = {"bash": _bash, "python": _python, "powershell": _powershell}
    language = languages.get(syntax.lower())
    if language is None:
        raise CannotRun(f"This worker's agent cannot run {syntax} scripts.")
    source = Source(script) if isinstance(script, str) else script
    return language(folder, source, variables, dict(environment))


def discard(folder: Path) -> None:
    """Remove what `prepare` wrote: scripts and values may be secret."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)


def find_program(name: str, path: str) -> str | None:
    """The absolute path of a program in the folders of a PATH."""
    for folder in path.split(os.pathsep):
        candidate = f"{folder or '.'}/{name}"
        # Not by Path: this is done for each script.
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):  # noqa: PTH113
            return str(Path(candidate).absolute())
    return None


def _bash(folder: Path, source: Source, variables: Mapping[str, str], environment: dict[str, str]) -> Command:
    for name, value in variables.items():
        if "\0" in name + value:
            raise CannotRun(f"The variable {name!r} holds a NUL character, which Bash cannot hold.")
    program = _interpreter("bash", "Bash", environment)
    write_private(folder / "bootstrap.sh", _BASH_START + _bash_lookup(variables) + _bash_parameters(source))
    # A form in a browser sends CR LF, which Bash takes for part of the last word of each line.
    plain = replace(source, script=source.script.replace("\r\n", "\n"))
    path = "../script.sh" if plain.path(folder, "script.sh") == folder / "script.sh" else str(source.file)
    return Command(program, ["bash", path], {**environment, "BASH_ENV": str(folder / "bootstrap.sh")})


def _bash_parameters(source: Source) -> str:
    return f"set -- {' '.join(map(shlex.quote, source.parameters))}\n" if source.parameters else ""


def _bash_lookup(variables: Mapping[str, str]) -> str:
    cases = [f"{shlex.quote(name)}) printf %s {shlex.quote(value)};;" for name, value in variables.items()]
    # A subshell, so that names ignore case here and nowhere else.
    lines = [
        "get_octopusvariable() (",
        "shopt -s nocasematch",
        'case "$1" in',
        *cases,
        "*) ;;",
        "esac",
        ")",
        "",
    ]
    return "\n".join(lines)


def _python(
    folder: Path, source: Source, variables: Mapping[str, str], environment: dict[str, str]
) -> Command:
    program = _interpreter("python3", "Python 3", environment)
    values = {name.lower(): value for name, value in variables.items()}
    path = str(source.path(folder, "script.py"))
    # Modules beside a file are found as they would be without us.
    home = str(source.file.parent) if source.file else ""
    call = f"exec(*_start({values!a}, {path!a}, {list(source.parameters)!a}, {home!a}))\n"
    write_private(folder / "bootstrap.py", _PYTHON_START + call)
    return Command(program, ["python3", "../bootstrap.py"], environment)


def _powershell(
    folder: Path, source: Source, variables: Mapping[str, str], environment: dict[str, str]
) -> Command:
    program = _interpreter("pwsh", "PowerShell", environment)
    path = str(source.path(folder, powershell.SCRIPT))
    text = powershell.bootstrap(path, source.parameters, variables)
    write_private(folder / powershell.BOOTSTRAP, text)
    arguments = ["pwsh", *powershell.OPTIONS, f"../{powershell.BOOTSTRAP}"]
    return Command(program, arguments, {**environment, **powershell.ENVIRONMENT})


def _interpreter(name: str, title: str, environment: Mapping[str, str]) -> str:
    program = find_program(name, environment["PATH"])
    if program is None:
        raise CannotRun(
            f"{title} is not installed on this worker: there is no {name} in {environment['PATH']}."
        )
    return program


def write_private(path: Path, text: str | bytes) -> None:
    """A new file that only its owner reads. Raises OSError."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
