"""Settings of the tests: the product's, with a home of their own and cheap password hashing."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OCTOWORKERS_HOME", tempfile.mkdtemp(prefix="octoworkers-tests-"))

from octoworkers.settings import *  # noqa: F403
from octoworkers.settings import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: several threads write, and a shared memory cache has no busy timeout.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(os.environ["OCTOWORKERS_HOME"]) / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
