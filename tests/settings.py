"""Settings of the tests: the product's, with a home of their own and cheap password hashing."""

import os
import tempfile

os.environ.setdefault("OCTOWORKERS_HOME", tempfile.mkdtemp(prefix="octoworkers-tests-"))

from octoworkers.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
