"""The only writer of build information."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from domain import codec
from domain.build_information import Commit, WorkItem, commit_link, safe_link
from domain.packages import BadPackage, Overwrite, problem_with_id
from domain.versions import problem_with, sort_key
from packages.models import BuildInformation
from spaces.models import Space


class BuildExists(Exception):
    """Nothing was changed. The first sentence is the one that clients of the API look for."""

    def __init__(self, present: BuildInformation) -> None:
        super().__init__(
            "Metadata for the specified Package ID and version already exists. "
            f"That of {present} was not changed: have it replaced, or push that of another version."
        )


@dataclass(frozen=True)
class Build:
    """What a build says. Links that are no web addresses are left out."""

    branch: str = ""
    environment: str = ""
    number: str = ""
    url: str = ""
    vcs_type: str = ""
    vcs_root: str = ""
    vcs_commit: str = ""
    commits: Sequence[Commit] = ()
    work_items: Sequence[WorkItem] = ()


def push(
    *,
    space: Space,
    package_id: str,
    version: str,
    build: Build,
    overwrite: Overwrite = Overwrite.FAIL,
    user: User | None = None,
) -> BuildInformation:
    """With `Overwrite.IGNORE` what is there already is given back as it is. Raises `BadPackage`,
    `BuildExists`, and `NotAllowed` where a user may push but not replace."""
    if problem := problem_with_id(package_id) or problem_with(version):
        raise BadPackage(problem)
    row = BuildInformation(space=space, package_id=package_id, version=version)
    row.id_key, row.version_key = package_id.lower(), version.lower()
    row.sort_key = sort_key(version)
    _fill(row, build, user)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record(row, user=user, category="Created", message=f"Pushed build information of {row}.")
        return row
    except IntegrityError:
        present = BuildInformation.objects.get(space=space, id_key=row.id_key, version_key=row.version_key)
    return _again(present, build, overwrite=overwrite, user=user)


def _again(
    present: BuildInformation, build: Build, *, overwrite: Overwrite, user: User | None
) -> BuildInformation:
    if overwrite is Overwrite.FAIL:
        raise BuildExists(present)
    if overwrite is Overwrite.IGNORE:
        return present
    if user is not None:
        require(user, Permission.EDIT_FEED)
    with transaction.atomic():
        _fill(present, build, user)
        present.save()
        _record(present, user=user, category="Modified", message=f"Replaced build information of {present}.")
    return present


@transaction.atomic
def delete(row: BuildInformation, *, user: User | None) -> None:
    _record(row, user=user, category="Deleted", message=f"Deleted build information of {row}.")
    row.delete()


def find_all(space: Space, versions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], BuildInformation]:
    """By package ID and version in lower case, for those pairs that have some."""
    keys = {(package_id.lower(), version.lower()) for package_id, version in versions}
    if not keys:
        return {}
    wanted = reduce(or_, (Q(id_key=id, version_key=version) for id, version in sorted(keys)))
    rows = BuildInformation.objects.in_space(space).filter(wanted)
    return {(row.id_key, row.version_key): row for row in rows}


def newest(rows: QuerySet[BuildInformation]) -> QuerySet[BuildInformation]:
    """That of the highest version of each package ID."""
    same = BuildInformation.objects.filter(space=OuterRef("space"), id_key=OuterRef("id_key"))
    return rows.filter(~Exists(same.filter(sort_key__gt=OuterRef("sort_key"))))


def commits_of(row: BuildInformation) -> list[Commit]:
    """Raises domain.codec.Malformed for what this version cannot read."""
    return [codec.decode_fields(Commit, one) for one in row.commits]


def work_items_of(row: BuildInformation) -> list[WorkItem]:
    """Raises domain.codec.Malformed for what this version cannot read."""
    return [codec.decode_fields(WorkItem, one) for one in row.work_items]


def _fill(row: BuildInformation, build: Build, user: User | None) -> None:
    row.branch, row.build_environment, row.build_number = build.branch, build.environment, build.number
    row.build_url = safe_link(build.url)
    row.vcs_type, row.vcs_root, row.vcs_commit = build.vcs_type, build.vcs_root, build.vcs_commit
    row.commits = [
        codec.encode_fields(replace(one, link=safe_link(one.link) or commit_link(build.vcs_root, one.id)))
        for one in build.commits
    ]
    row.work_items = [codec.encode_fields(replace(one, link=safe_link(one.link))) for one in build.work_items]
    row.pushed_by = user.username if user else "system"


def _record(row: BuildInformation, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=row, message=message, space=row.space)
