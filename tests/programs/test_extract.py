"""Archives of strangers: what is unpacked, and that nothing gets out of the target or without end."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from programs.kit.extract import Limits, extract
from programs.kit.given import Failed

TARS = {"tar": "", "tar.gz": "gz", "tgz": "gz", "tar.bz2": "bz2", "tbz": "bz2", "tar.xz": "xz", "txz": "xz"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "outer" / "target"
    folder.mkdir(parents=True)
    return folder


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], compression: str = "") -> Path:
    with tarfile.open(path, f"w:{compression}") as archive:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16 or 0x20  # the archive bit, as DOS sets it
            archive.writestr(info, content)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def nothing_outside(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("extension", sorted(TARS))
def test_tars_come_out_with_their_modes(tmp_path: Path, target: Path, extension: str) -> None:
    archive = tar_of(
        tmp_path / f"a.{extension}",
        (member(".", tarfile.DIRTYPE, mode=0o755), b""),
        (member("./bin", tarfile.DIRTYPE, mode=0o750), b""),
        (member("./bin/run.sh", mode=0o4777), b"#!/bin/sh\n"),
        (member("deep/er/" + "x" * 150 + "/empty", mode=0o444), b""),
        (member("data"), os.urandom(3_000_000)),
        compression=TARS[extension],
    )

    done = extract(archive, target, extension=extension)

    assert done.entries == 5
    assert (target / "bin/run.sh").read_bytes() == b"#!/bin/sh\n"
    assert stat.S_IMODE((target / "bin/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "bin").stat().st_mode) == 0o750
    assert (target / "deep/er" / ("x" * 150) / "empty").read_bytes() == b""
    assert (target / "data").stat().st_size == 3_000_000


@pytest.mark.parametrize("extension", ["zip", "nupkg", "jar", "war", "ear"])
def test_zips_come_out_with_their_modes(tmp_path: Path, target: Path, extension: str) -> None:
    archive = zip_of(
        tmp_path / f"a.{extension}",
        ("bin/", b"", 0),
        ("bin/run.sh", b"#!/bin/sh\n", stat.S_IFREG | 0o2755),
        ("plain.txt", b"text", 0),
        ("win\\dows\\file.txt", b"text", 0),
    )

    extract(archive, target, extension=extension)

    assert stat.S_IMODE((target / "bin/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "plain.txt").stat().st_mode) == 0o644
    assert (target / "win/dows/file.txt").read_bytes() == b"text"


def test_a_nupkg_comes_out_as_it_was_packed(tmp_path: Path, target: Path) -> None:
    archive = zip_of(
        tmp_path / "a.nupkg",
        ("_rels/.rels", b"x", 0),
        ("[Content_Types].xml", b"x", 0),
        ("package/services/metadata/core-properties/1.psmdcp", b"x", 0),
        ("content/with%20space.txt", b"text", 0),
    )

    extract(archive, target, extension="nupkg")

    assert [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()] == [
        "content/with space.txt"
    ]


BAD_NAMES = ["../out", "a/../../out", "/etc/out", "C:\\out", "..\\out", "a/..", "\\out", "c:out"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_outside_are_refused(tmp_path: Path, target: Path, name: str) -> None:
    for extension, archive in {
        "tar": tar_of(tmp_path / "a.tar", (member(name), b"x")),
        "zip": zip_of(tmp_path / "a.zip", (name, b"x", 0)),
    }.items():
        with pytest.raises(Failed, match="not unpacked"):
            extract(archive, target, extension=extension)

    assert nothing_outside(target)
    assert list(target.rglob("*")) == []


def test_what_nuget_writes_in_percents_is_no_way_out(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "a.nupkg", ("%2e%2e/out", b"x", 0))

    with pytest.raises(Failed, match="not unpacked"):
        extract(archive, target, extension="nupkg")


@pytest.mark.parametrize(
    "info",
    [
        member("link", tarfile.SYMTYPE, "/etc"),
        member("link", tarfile.SYMTYPE, "inside"),
        member("link", tarfile.LNKTYPE, "inside"),
        member("link", tarfile.CHRTYPE),
        member("link", tarfile.BLKTYPE),
        member("link", tarfile.FIFOTYPE),
    ],
    ids=["symlink", "inner symlink", "hard link", "character device", "block device", "fifo"],
)
def test_links_and_devices_are_refused(tmp_path: Path, target: Path, info: tarfile.TarInfo) -> None:
    archive = tar_of(tmp_path / "a.tar.gz", (member("inside"), b"x"), (info, b""), compression="gz")

    with pytest.raises(Failed, match="'link' is a link or a device"):
        extract(archive, target, extension="tar.gz")

    assert not (target / "link").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_zips_are_refused(tmp_path: Path, target: Path, kind: int) -> None:
    archive = zip_of(tmp_path / "a.zip", ("link", b"/etc/passwd", kind | 0o777))

    with pytest.raises(Failed, match="link or a device"):
        extract(archive, target, extension="zip")


def test_a_file_through_an_earlier_link_is_refused(tmp_path: Path, target: Path) -> None:
    archive = tar_of(
        tmp_path / "a.tar", (member("way", tarfile.SYMTYPE, ".."), b""), (member("way/out"), b"x")
    )

    with pytest.raises(Failed):
        extract(archive, target, extension="tar")

    assert nothing_outside(target)


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path, target: Path) -> None:
    limits = Limits(small=1_000_000, ratio=10)
    content = bytes(50_000_000)
    for extension, archive in {
        "zip": zip_of(tmp_path / "a.zip", ("zeros", content, 0)),
        "tar.gz": tar_of(tmp_path / "a.tar.gz", (member("zeros"), content), compression="gz"),
        "tar.xz": tar_of(tmp_path / "a.tar.xz", (member("zeros"), content), compression="xz"),
    }.items():
        with pytest.raises(Failed, match="more than is unpacked"):
            extract(archive, target, extension=extension, limits=limits)

        assert sum(path.stat().st_size for path in target.rglob("*")) < 5_000_000
        (target / "zeros").unlink()


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", ("zeros", bytes(10_000_000), 0))
    data = bytearray(archive.read_bytes())
    true_size = (10_000_000).to_bytes(4, "little")
    archive.write_bytes(data.replace(true_size, (100).to_bytes(4, "little")))

    with pytest.raises(Failed):
        extract(archive, target, extension="zip", limits=Limits(small=1_000_000, ratio=10))

    assert sum(path.stat().st_size for path in target.rglob("*")) < 2_000_000


def test_too_many_entries_are_refused(tmp_path: Path, target: Path) -> None:
    members = [(f"f{number}", b"", 0) for number in range(11)]

    with pytest.raises(Failed, match="more than 10 entries"):
        extract(zip_of(tmp_path / "a.zip", *members), target, extension="zip", limits=Limits(entries=10))


def test_a_list_of_entries_that_would_fill_the_memory_is_not_read(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", ("f", b"x", 0))
    data = bytearray(archive.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = (200_000_000).to_bytes(4, "little")
    archive.write_bytes(data)

    with pytest.raises(Failed, match="more entries"):
        extract(archive, target, extension="zip")


def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path: Path, target: Path) -> None:
    header = member("pax", tarfile.XHDTYPE)
    header.size = 8 * 1024**3
    archive = tmp_path / "a.tar"
    archive.write_bytes(header.tobuf(tarfile.USTAR_FORMAT if header.size < 8**11 else tarfile.GNU_FORMAT))

    with pytest.raises(Failed, match="makes no sense"):
        extract(archive, target, extension="tar")


def test_an_entry_that_comes_twice_is_refused(tmp_path: Path, target: Path) -> None:
    archive = tar_of(tmp_path / "a.tar", (member("a/b"), b"1"), (member("a//./b"), b"2"))

    with pytest.raises(Failed, match="twice"):
        extract(archive, target, extension="tar")


@pytest.mark.parametrize("extension", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "rar"])
def test_what_is_no_archive_is_said(tmp_path: Path, target: Path, extension: str) -> None:
    archive = tmp_path / "a"
    archive.write_bytes(b"This is no archive at all. " * 100)

    with pytest.raises(Failed):
        extract(archive, target, extension=extension)


@pytest.mark.parametrize("extension", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_an_archive_that_was_cut_off_is_said(tmp_path: Path, target: Path, extension: str) -> None:
    content = os.urandom(1_000_000)
    if extension == "zip":
        archive = zip_of(tmp_path / "a.zip", ("data", content, 0))
    else:
        archive = tar_of(tmp_path / "a", (member("data"), content), compression=TARS[extension])
    archive.write_bytes(archive.read_bytes()[:500_000])

    with pytest.raises(Failed, match="damaged"):
        extract(archive, target, extension=extension)


def test_an_encrypted_zip_is_said(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", ("secret", b"x", 0))
    data = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    archive.write_bytes(data)

    with pytest.raises(Failed, match="encrypted"):
        extract(archive, target, extension="zip")
