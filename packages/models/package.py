from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from domain.packages import MAX_ID, PackageName
from domain.versions import MAX_LENGTH
from packages.models.feed import Feed
from spaces.models import SpaceOwned
from spaces.models.owned import SpaceOwnedQuerySet

#: `domain.versions.sort_key` of the longest version is shorter.
_LONGEST_SORT_KEY = 600


class PackageQuerySet(SpaceOwnedQuerySet):
    def newest(self) -> Self:
        """The highest version of each package ID."""
        higher = Q(sort_key__gt=OuterRef("sort_key")) | Q(
            sort_key=OuterRef("sort_key"), pk__gt=OuterRef("pk")
        )
        others = Package.objects.filter(higher, feed=OuterRef("feed"), id_key=OuterRef("id_key"))
        return self.filter(~Exists(others))


class Package(SpaceOwned):
    """One version of a package. The three keys are those that it is found and sorted by: ID and version
    in lower case, and `domain.versions.sort_key`. `file` is the name that the storage knows it by, made
    by the server; `sha256` is in hex, `size` in bytes."""

    feed = models.ForeignKey(Feed, on_delete=models.PROTECT, related_name="packages")
    package_id = models.CharField(max_length=MAX_ID)
    version = models.CharField(max_length=MAX_LENGTH)
    extension = models.CharField(max_length=20)
    id_key = models.CharField(max_length=MAX_ID, editable=False)
    version_key = models.CharField(max_length=MAX_LENGTH, editable=False)
    sort_key = models.CharField(max_length=_LONGEST_SORT_KEY, editable=False)
    file = models.CharField(max_length=200, editable=False)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    notes = models.TextField(blank=True)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150)
    #: When a run last fetched it.
    used_at = models.DateTimeField(null=True, blank=True)

    objects = PackageQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base class

    class Meta:
        ordering = ["id_key", "-sort_key", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["feed", "id_key", "version_key"], name="packages_package_version_in_feed"
            )
        ]
        indexes = [models.Index(fields=["feed", "id_key", "sort_key"], name="packages_package_newest")]

    def __str__(self) -> str:
        return f"{self.package_id} {self.version}"

    @property
    def file_name(self) -> str:
        """As it was pushed, `Id.Version.ext`."""
        return PackageName(self.package_id, self.version, self.extension).file_name


class OwnerKind(models.TextChoices):
    """What may hold a package. A kind and an id, because owners live in higher apps."""

    RELEASE = "release", "Release"
    SNAPSHOT = "snapshot", "Snapshot"


class PackageUse(models.Model):
    """Somebody still needs this package: it can neither be deleted nor expire."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="uses")
    owner_kind = models.CharField(max_length=20, choices=OwnerKind.choices)
    owner_id = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["package", "owner_kind", "owner_id"], name="packages_packageuse_once"
            )
        ]
        indexes = [models.Index(fields=["owner_kind", "owner_id"], name="packages_packageuse_owner")]

    def __str__(self) -> str:
        return f"{self.package} of {self.owner_kind} {self.owner_id}"
