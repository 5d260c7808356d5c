"""The only writer of releases."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.usage import delete_unused
from domain.channels import ChannelRule, missing_packages, refused_packages, rules_of
from domain.labels import listed
from domain.plan_packages import ChosenPackage, chosen_of, needed
from domain.processes import ProcessDef
from packages import selectors
from packages.models import OwnerKind as PackageOwner
from packages.services import choosing
from packages.services import packages as held
from packages.services.choosing import NoSuchPackage, Wanted
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects import versions
from projects.models import Channel, Project, Release
from projects.services import channels, project_variables
from spaces.models import Space

#: How far back a version is looked for that the rules of a channel let in.
MOST_VERSIONS = 1000


class BadVersion(ValueError):
    """The text is not a version; the message says what one looks like."""


class VersionTaken(Exception):
    """The project has a release of this version."""

    def __init__(self, version: str) -> None:
        super().__init__(f"This project has a release {version} already. Choose another version.")


class AgainstRules(NoSuchPackage):
    """The channel does not let a version in; `key` says of which package."""


class EmptyProcess(Exception):
    """A process without steps cannot be frozen: nothing would run."""

    def __init__(self) -> None:
        super().__init__("The process has no steps, so there is nothing to run. Add a step first.")


def suggest_version(project: Project) -> str:
    latest = Release.objects.filter(project=project).first()
    return versions.next_after(latest.version if latest else None)


def create(
    *,
    project: Project,
    version: str,
    notes: str = "",
    packages: Wanted | None = None,
    channel: Channel | None = None,
    ignore_rules: bool = False,
    user: User | None,
) -> Release:
    """Freezes process, variables and the versions of packages: those that are wanted, else the newest that
    the rules of the channel let in. No channel means the default one.

    Raises `BadVersion`, `VersionTaken`, `EmptyProcess`, `packages.services.choosing.NoSuchPackage`, and
    `AgainstRules` where a wanted version is not let in, unless the rules are ignored.
    """
    problem = versions.problem_with(version)
    if problem:
        raise BadVersion(problem)
    with transaction.atomic():
        if Release.objects.filter(project=project, version=version).exists():
            raise VersionTaken(version)
        release = Release(project=project, version=version, notes=notes, created_by=user)
        release.channel = channel or channels.ensure_default(project)
        release.ignores_rules = ignore_rules
        _freeze(release, packages)
        _save(release)
        message = f"Created {_full_name(release)} in channel {release.channel}."
        _record(release, user=user, category="Created", message=message)
    return release


@transaction.atomic
def edit(release: Release, *, notes: str, user: User | None) -> Release:
    """The notes alone: what was frozen stays as it is."""
    if release.notes == notes:
        return release
    release.notes = notes
    release.save(update_fields=["notes"])
    _record(release, user=user, category="Modified", message=f"Changed the notes of {_full_name(release)}.")
    return release


@transaction.atomic
def delete(release: Release, *, user: User | None) -> None:
    """Raises `common.usage.InUse` with its deployments: their tasks would not say any more what they ran."""
    _record(release, user=user, category="Deleted", message=f"Deleted {_full_name(release)}.")
    held.let_go(kind=PackageOwner.RELEASE, owner_ids=[release.pk])
    delete_unused(release)


def _full_name(release: Release) -> str:
    return f"release {release.version} of {release.project.name}"


def _record(release: Release, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=release, message=message, space=release.project.space)


def _freeze(release: Release, packages: Wanted | None) -> None:
    project = release.project
    process = processes.get_or_create(
        owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    release.process = processes.freeze(process)
    release.variables = project_variables.freeze(project)
    if not release.process["steps"]:
        raise EmptyProcess
    release.packages = choosing.to_json(_chosen(release, packages or {}))


def _chosen(release: Release, wanted: Wanted) -> list[ChosenPackage]:
    space, process = release.project.space, ProcessDef.from_json(release.process)
    rules = () if release.ignores_rules else rules_of(release.channel.rules)
    _refuse_missing(release.channel, rules, process)
    chosen = choosing.choose(space, process, {**newest_let_in(space, process, rules), **wanted})
    for package, problem in refused_packages(rules, chosen):
        raise AgainstRules(problem, key=(package.action, package.name))
    return chosen


def _refuse_missing(channel: Channel, rules: Sequence[ChannelRule], process: ProcessDef) -> None:
    known = [(action.name, reference.name) for _, action, reference in needed(process)]
    if missing := missing_packages(rules, known):
        what = listed([f"{one.step} {one.name}".strip() for one in missing])
        message = (
            f"The channel {channel} has a rule about a package that no step has: {what}. Edit the channel."
        )
        raise AgainstRules(message, key=("", ""))


def newest_let_in(
    space: Space, process: ProcessDef, rules: Sequence[ChannelRule]
) -> dict[tuple[str, str], str]:
    """The newest version that the rules let in, of each package that they are about; where there is none it
    is left out."""
    found: dict[tuple[str, str], str] = {}
    for _, action, reference in needed(process) if rules else ():
        key = (action.id, reference.name)
        own = [rule for rule in rules if rule.covers(action.name, reference.name)]
        if own:
            rows = selectors.newest_versions(space, reference.package_id, MOST_VERSIONS)
            version = next((one for one in rows if all(rule.allows(one) for rule in own)), None)
            found |= {key: version} if version else {}
    return found


def _save(release: Release) -> None:
    try:
        with transaction.atomic():
            release.save()
    except IntegrityError as error:
        raise VersionTaken(release.version) from error
    choosing.hold(
        release.project.space, chosen_of(release.packages), kind=PackageOwner.RELEASE, owner_id=release.pk
    )
