"""Settings are read in a process of their own: they are made once per process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from octoworkers import version

ROOT = Path(__file__).parent.parent.parent
SAFE = {
    "OCTOWORKERS_PRODUCTION": "true",
    "OCTOWORKERS_PUBLIC_URL": "https://ops.example.org",
    "OCTOWORKERS_ALLOWED_HOSTS": "ops.example.org",
}


@pytest.fixture
def read(tmp_path: Path):
    """`read("NAME", …, VARIABLE="…")` gives settings by name, or the text of the error."""

    def read_settings(*names: str, **variables: str) -> dict[str, object] | str:
        code = (
            "import json; from octoworkers import settings; "
            f"print(json.dumps({{name: getattr(settings, name) for name in {names!r}}}, default=str))"
        )
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment = {**kept, "OCTOWORKERS_HOME": str(tmp_path / "home"), **variables}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    return read_settings


def test_defaults_are_safe(read) -> None:
    found = read("DEBUG", "ALLOWED_HOSTS", "DATABASES", "CHANNEL_LAYERS")

    assert found["DEBUG"] is False
    assert "*" not in found["ALLOWED_HOSTS"]
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["CHANNEL_LAYERS"]["default"]["BACKEND"].endswith("InMemoryChannelLayer")


def test_database_and_redis_come_from_their_addresses(read) -> None:
    found = read(
        "DATABASES",
        "CHANNEL_LAYERS",
        DATABASE_URL="postgresql://me@db:5433/ops",
        REDIS_URL="redis://cache:6379/1",
    )

    database = found["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", 5433, "ops")
    assert database["ENGINE"].endswith("postgresql")
    [host] = found["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert host["address"] == "redis://cache:6379/1"


def test_production_starts_with_safe_settings(read) -> None:
    found = read("SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", **SAFE)

    assert found == {
        "SESSION_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31536000,
    }


@pytest.mark.parametrize(
    ("unsafe", "sentence"),
    [
        ({"OCTOWORKERS_DEBUG": "true"}, "OCTOWORKERS_DEBUG is on"),
        ({"OCTOWORKERS_PUBLIC_URL": "http://ops.example.org"}, "must be the https:// address"),
        ({"OCTOWORKERS_ALLOWED_HOSTS": "*"}, "must name the hosts"),
        ({"OCTOWORKERS_SECRET_KEY": "short"}, "shorter than 50"),
    ],
)
def test_production_does_not_start_with_an_unsafe_setting(
    read, unsafe: dict[str, str], sentence: str
) -> None:
    assert sentence in read("DEBUG", **{**SAFE, **unsafe})


def test_every_setting_is_documented() -> None:
    sources = [ROOT / "octoworkers" / "settings.py", *(ROOT / "octoworkers" / "launcher").glob("*.py")]
    named = {
        name
        for path in sources
        for name in re.findall(r'"((?:OCTOWORKERS_|DATABASE_|REDIS_)[A-Z_]+)"', path.read_text())
    }

    documented = (ROOT / "docs" / "settings.md").read_text()

    assert sorted(name for name in named if f"`{name}`" not in documented) == []


def test_the_version_is_the_newest_heading_of_the_changelog(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2030-01-01\n\n## [1.1.0] - 2029-01-01\n"
    )

    assert version.read(changelog) == "1.2.0"
    assert version.read(tmp_path / "none.md") == "0.0.0"
