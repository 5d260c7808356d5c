"""Which thing stands in which file.

    environments.yaml, pools.yaml, lifecycles.yaml, groups.yaml    lists
    projects/<project>/project.yaml, process.yaml, variables.yaml, channels.yaml
    projects/<project>/runbooks/<runbook>.yaml

The names of the project folders and runbook files mean nothing: the names inside do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from octo.failures import BadUsage
from octo.folder import texts
from octo.folder.texts import Problem, Text, Unreadable
from octo.folder.things import CHANNEL, LISTS, PROCESS, PROJECT, RUNBOOK, VARIABLES, Everything, Key, Thing

PROJECTS, RUNBOOKS = "projects", "runbooks"
#: The list of a project's channels; there is none where the project has just its default one.
CHANNELS = "channels.yaml"
UNTOUCHED = [{"Name": "Default", "IsDefault": True}]
#: Files of a project that hold one thing each.
SINGLE = {"process.yaml": PROCESS, "variables.yaml": VARIABLES}

# --- writing -------------------------------------------------------------------------------------


def contents(found: Everything, *, with_lists: bool) -> dict[str, str]:
    """The files of these things, by their paths in the folder."""
    files: dict[str, str] = {}
    if with_lists:
        for kind in LISTS:
            files[kind.file] = texts.write([thing.body for thing in _in_order(found, kind.name)])
    used: set[str] = set()
    for project in found.of(PROJECT):
        files |= _project(found, project, f"{PROJECTS}/{_file_name(project.key.name, used)}")
    return files


def _project(found: Everything, project: Thing, folder: str) -> dict[str, str]:
    name, used = project.key.name, set[str]()
    files = {f"{folder}/project.yaml": texts.write(project.body)}
    for file, kind in SINGLE.items():
        for thing in found.of(kind, name):
            files[f"{folder}/{file}"] = texts.write(thing.body)
    channels = [channel.body for channel in found.of(CHANNEL, name)]
    if channels and channels != UNTOUCHED:
        files[f"{folder}/{CHANNELS}"] = texts.write(channels)
    for runbook in found.of(RUNBOOK, name):
        files[f"{folder}/{RUNBOOKS}/{_file_name(runbook.key.name, used)}.yaml"] = texts.write(runbook.body)
    return files


def _in_order(found: Everything, kind: str) -> list[Thing]:
    things = found.of(kind)
    order = {name.casefold(): number for number, name in enumerate(found.orders.get(kind, []))}
    return sorted(things, key=lambda thing: order.get(thing.key.name.casefold(), len(order)))


def _file_name(name: str, used: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:80] or "unnamed"
    found, number = base, 2
    while found in used:
        found, number = f"{base}-{number}", number + 1
    used.add(found)
    return found


def save(folder: FilePath, files: dict[str, str], *, projects: list[str] | None) -> list[str]:
    """Writes the files and removes those of things that are gone; gives the paths of what it changed. Other
    files in the folder stay. With `projects`, only these projects' folders are looked at."""
    changed = []
    for name in _stale(folder, set(files), projects):
        (folder / name).unlink()
        changed.append(name)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
            changed.append(name)
    return sorted(changed)


def _stale(folder: FilePath, kept: set[str], projects: list[str] | None) -> Iterator[str]:
    wanted = None if projects is None else {name.casefold() for name in projects}
    for path in sorted(_paths(folder)):
        name = path.relative_to(folder).as_posix()
        if name in kept:
            continue
        if wanted is None or _project_of(folder, path) in wanted:
            yield name


def _project_of(folder: FilePath, path: FilePath) -> str:
    """The name of the project whose folder holds this file; empty for a list."""
    parts = path.relative_to(folder).parts
    main = folder.joinpath(*parts[:2], "project.yaml")
    if parts[0] != PROJECTS or not main.exists():
        return ""
    try:
        value = texts.read("", main.read_text()).value
    except Unreadable:
        return ""
    return str(value.get("Name", "")).casefold() if isinstance(value, dict) else ""


def _paths(folder: FilePath) -> Iterator[FilePath]:
    """The files that this layout knows."""
    yield from (folder / kind.file for kind in LISTS if (folder / kind.file).is_file())
    for project in (folder / PROJECTS).glob("*/"):
        yield from (
            file for name in ("project.yaml", CHANNELS, *SINGLE) if (file := project / name).is_file()
        )
        yield from (project / RUNBOOKS).glob("*.yaml")


# --- reading -------------------------------------------------------------------------------------


class Reading:
    """What a folder says, and what of it cannot be understood."""

    def __init__(self, folder: FilePath) -> None:
        if not folder.is_dir():
            raise BadUsage(f"{folder} is not a folder.")
        self.folder = folder
        self.found = Everything()
        self.problems: list[Problem] = []
        self._lists()
        for project in sorted((folder / PROJECTS).glob("*/")):
            self._project(project)
        self._unknown()
        if not self.found.by_id and not self.found.whole_kinds and not self.problems:
            raise BadUsage(f"{folder} holds no configuration. octo export writes some.")

    def _lists(self) -> None:
        for kind in LISTS:
            rows = self._list(self.folder / kind.file, kind.name)
            if rows is None:
                continue
            self.found.whole_kinds.add(kind.name)
            if kind.is_ordered:
                names = [row["Name"] for row in rows if isinstance(row, dict) and row.get("Name")]
                self.found.orders[kind.name] = names

    def _list(self, path: FilePath, kind: str, *, project: str = "") -> list[Any] | None:
        """Takes in the entries of a file; None where there is none, or no list in it."""
        text = self._read(path)
        if text is None:
            return None
        if not isinstance(text.value, (list, type(None))):
            self.problems.append(text.problem((), "This file has to be a list."))
            return None
        rows = text.value or []
        for number, row in enumerate(rows):
            self._add(kind, row, text, (number,), project=project)
        return rows

    def _project(self, folder: FilePath) -> None:
        main = self._read(folder / "project.yaml")
        if main is None:
            file = (folder / "project.yaml").relative_to(self.folder).as_posix()
            if not any(problem.file == file for problem in self.problems):
                self.problems.append(Problem(file, 1, "This file is missing; it says the project's name."))
            return
        project = self._add(PROJECT, main.value, main, ())
        if project is None:
            return
        self._list(folder / CHANNELS, CHANNEL, project=project.key.name)
        for file, kind in SINGLE.items():
            if text := self._read(folder / file):
                self._add(kind, text.value or {}, text, (), project=project.key.name)
        for path in sorted((folder / RUNBOOKS).glob("*.yaml")):
            if text := self._read(path):
                self._add(RUNBOOK, text.value, text, (), project=project.key.name)

    def _add(self, kind: str, body: Any, text: Text, path: texts.Path, *, project: str = "") -> Thing | None:
        if not isinstance(body, dict):
            self.problems.append(text.problem(path, "This has to be members, each as Name: value."))
            return None
        name = "" if kind in SINGLE.values() else body.get("Name")
        if not isinstance(name, str) or (not name.strip() and kind not in SINGLE.values()):
            self.problems.append(text.problem((*path, "Name"), f"This {kind} has to have a Name, as a text."))
            return None
        thing = Thing(Key(kind, name, project), body, text, path)
        if other := self.found.get(thing.key):
            where = other.problem("", ())
            self.problems.append(
                thing.problem(f"The {kind} {name} stands in {where.file}:{where.line} already.", ("Name",))
            )
            return None
        self.found.add(thing)
        return thing

    def _read(self, path: FilePath) -> Text | None:
        """None where there is no file, or none that can be understood."""
        if not path.is_file():
            return None
        file = path.relative_to(self.folder).as_posix()
        try:
            return texts.read(file, path.read_text(encoding="utf-8-sig"))
        except Unreadable as unreadable:
            self.problems.append(unreadable.problem)
        except (OSError, UnicodeError) as error:
            self.problems.append(Problem(file, 1, str(error)))
        return None

    def _unknown(self) -> None:
        """A misspelled file would do nothing, silently."""
        known = set(_paths(self.folder))
        for path in sorted([*self.folder.glob("*.yaml"), *(self.folder / PROJECTS).rglob("*.yaml")]):
            if path not in known:
                file = path.relative_to(self.folder).as_posix()
                self.problems.append(Problem(file, 1, "octo knows no file of this name here."))


# --- as texts, to be sent ------------------------------------------------------------------------

_KNOWN = re.compile(r"([a-z]+\.yaml|projects/[^/\0]+/(?:runbooks/)?[^/\0]+\.yaml)")


def texts_in(folder: FilePath) -> dict[str, str]:
    """The files that this layout knows, by their paths in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8-sig") for path in _paths(folder)
    }


def lay_out(texts: Mapping[str, str], folder: FilePath) -> None:
    """Writes them into a folder of its own. Raises BadUsage for a path that leads elsewhere."""
    for name, content in texts.items():
        if not _KNOWN.fullmatch(name) or ".." in name.split("/"):
            raise BadUsage(f"octo knows no file named {name[:200]!r}.")
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
