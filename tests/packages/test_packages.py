from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Event
from accounts.permissions import NotAllowed
from common.owners import Owner
from common.usage import InUse
from domain.packages import BadPackage, Overwrite
from packages import owners, selectors
from packages.models import OwnerKind, Package
from packages.services import feeds, files, packages, retention
from tests.factories import SpaceFactory, push_package

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> int:
    """A release that is known by its number, as the projects' app would register it."""
    monkeypatch.setattr(owners._owners, "_resolvers", {})
    owners.register(OwnerKind.RELEASE, lambda ids: {pk: Owner("Shop 1.0", "/r/") for pk in ids if pk == 7})
    return 7


def test_push_keeps_file_and_facts(space, editor, stored, media: Path) -> None:
    package = push_package("Acme.Web.1.4.0-rc.1.tar.gz", b"content", user=editor, notes="New")

    assert (package.package_id, package.version, package.extension) == ("Acme.Web", "1.4.0-rc.1", "tar.gz")
    assert package.file_name == "Acme.Web.1.4.0-rc.1.tar.gz"
    assert (package.size, package.sha256) == (7, hashlib.sha256(b"content").hexdigest())
    assert (package.published_by, package.notes) == ("edith", "New")
    assert files.opened(package.file).read() == b"content"
    assert stored() == [b"content"]
    assert "Acme" not in package.file
    assert (media / package.file).stat().st_mode & 0o077 == 0
    assert Event.objects.get(subject_kind="Package").message == "Pushed package Acme.Web 1.4.0-rc.1."


@pytest.mark.parametrize("name", ["web.zip", "../../etc/passwd", "Acme.1.0.exe", ""])
def test_a_bad_name_keeps_nothing(space, stored, name: str) -> None:
    with pytest.raises(BadPackage):
        push_package(name)

    assert stored() == []


def test_an_empty_file_keeps_nothing(space, stored) -> None:
    with pytest.raises(BadPackage, match="empty"):
        push_package(content=b"")

    assert stored() == []
    assert not Package.objects.exists()


def test_what_is_too_large_keeps_nothing(space, stored, settings) -> None:
    settings.PACKAGE_MAX_BYTES = 1_500_000
    with pytest.raises(files.TooLarge, match=r"2 MB.*OCTOWORKERS_PACKAGE_MAX_MB"):
        push_package(content=b"x" * 1_500_001)

    assert stored() == []
    assert push_package(content=b"x" * 1_500_000).size == 1_500_000


def test_the_same_name_and_version_is_refused_in_the_words_of_the_api(space, stored) -> None:
    push_package("Acme.1.0.0.zip", b"first")

    with pytest.raises(packages.AlreadyExists) as refusal:
        push_package("ACME.1.0.0.tar.gz", b"second")

    assert "A package with the same name and version already exists" in str(refusal.value)
    assert stored() == [b"first"]


def test_ignore_keeps_the_one_that_is_there(space, stored) -> None:
    first = push_package(content=b"first")

    again = push_package(content=b"second", overwrite=Overwrite.IGNORE)

    assert again == first
    assert stored() == [b"first"]


@pytest.mark.django_db(transaction=True)
def test_replacing_keeps_the_row_and_removes_the_old_file(space, administrator, stored) -> None:
    first = push_package(content=b"first")

    second = push_package(content=b"second", overwrite=Overwrite.REPLACE, user=administrator)

    assert second.pk == first.pk
    assert second.sha256 == hashlib.sha256(b"second").hexdigest()
    assert stored() == [b"second"]


def test_who_may_push_need_not_be_allowed_to_replace(space, editor, stored) -> None:
    push_package(content=b"first")

    with pytest.raises(NotAllowed):
        push_package(content=b"second", overwrite=Overwrite.REPLACE, user=editor)

    assert stored() == [b"first"]


def test_somebody_who_was_faster_wins(space, stored, monkeypatch) -> None:
    store = files.store

    def store_late(stream):
        monkeypatch.setattr(files, "store", store)
        push_package(content=b"first")
        return store(stream)

    monkeypatch.setattr(files, "store", store_late)
    with pytest.raises(packages.AlreadyExists):
        push_package(content=b"second")

    assert stored() == [b"first"]


def test_spaces_have_feeds_of_their_own(space, stored) -> None:
    other = SpaceFactory()
    push_package(content=b"here")
    push_package(content=b"there", space=other)

    assert selectors.find(space, "acme.web", "1.0.0") != selectors.find(other, "ACME.WEB", "1.0.0")
    assert feeds.built_in(space) == feeds.built_in(space) != feeds.built_in(other)


def test_the_latest_is_the_highest_version(space, viewer) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.2", "1.2.0"):
        push_package(f"Acme.{version}.zip")
    push_package("Other.1.0.zip")

    assert selectors.latest(space, "acme").version == "1.10.0"
    assert selectors.latest(space, "nothing") is None
    assert [row.version for row in selectors.versions(viewer, space, "Acme")] == [
        "1.10.0",
        "1.10.0-rc.2",
        "1.9.0",
        "1.2.0",
    ]
    newest = selectors.packages(viewer, space)
    assert [str(row) for row in newest] == ["Acme 1.10.0", "Other 1.0"]
    assert selectors.counts(newest)["acme"].count == 4


@pytest.mark.django_db(transaction=True)
def test_delete_removes_row_and_file(space, administrator, stored) -> None:
    packages.delete(push_package(), user=administrator)

    assert not Package.objects.exists()
    assert stored() == []
    assert Event.objects.filter(message="Deleted package Acme.Web 1.0.0.").exists()


def test_what_a_release_needs_stays(space, administrator, release, stored) -> None:
    package = push_package()
    packages.hold([package, package], kind=OwnerKind.RELEASE, owner_id=release)

    with pytest.raises(InUse) as refusal:
        packages.delete(package, user=administrator)

    assert [use.label for use in refusal.value.uses] == ["Shop 1.0"]
    assert len(stored()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_package_outlives_no_owner_that_is_gone(space, administrator, release) -> None:
    package = push_package()
    packages.hold([package], kind=OwnerKind.RELEASE, owner_id=release)

    packages.let_go(kind=OwnerKind.RELEASE, owner_ids=[release])
    packages.delete(package, user=administrator)

    assert not Package.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_retention_takes_old_ones_that_nothing_needs(space, release, stored) -> None:
    now = timezone.now()
    for version in ("1.0", "2.0", "3.0", "4.0", "5.0"):
        push_package(f"Acme.{version}.zip", version.encode())
    Package.objects.update(published_at=now - timedelta(days=31))
    Package.objects.filter(version="2.0").update(used_at=now - timedelta(days=2))
    Package.objects.filter(version="4.0").update(published_at=now - timedelta(days=29))
    packages.hold([selectors.find(space, "acme", "3.0")], kind=OwnerKind.RELEASE, owner_id=release)

    retention.apply(now=now)
    assert Package.objects.count() == 5

    feeds.keep_for(feeds.built_in(space), days=30, user=None)
    retention.apply(now=now)

    left = set(Package.objects.values_list("version", flat=True))
    assert left == {"2.0", "3.0", "4.0", "5.0"}
    assert stored() == [b"2.0", b"3.0", b"4.0", b"5.0"]


def test_files_of_killed_pushes_are_tidied_away_after_a_day(space, media: Path, stored) -> None:
    push_package(content=b"kept")
    code = f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT)!r})
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        import django
        django.setup()
        from django.test import override_settings
        from packages.services import files

        class Killing:
            reads = 0
            def read(self, size=-1):
                self.reads += 1
                if self.reads > 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                return b"x" * size

        with override_settings(MEDIA_ROOT={str(media)!r}):
            files.store(Killing())
    """
    environment = {**os.environ, "OCTOWORKERS_HOME": str(media.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert len(stored()) == 2

    retention.apply(now=timezone.now())
    assert len(stored()) == 2
    retention.apply(now=timezone.now() + timedelta(days=2))

    assert stored() == [b"kept"]


def test_a_stream_that_breaks_keeps_nothing(space, stored) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("The client went away.")
            return super().read(size)

    with pytest.raises(OSError, match="went away"):
        packages.push(space=space, name="Acme.1.0.zip", stream=Broken(b"x" * 3_000_000))

    assert stored() == []
    assert not Package.objects.exists()
