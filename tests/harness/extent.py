"""How much is tried: a modest part of what could be, or everything."""

import os

#: Set by `make chaos`.
FULL = os.environ.get("OCTOWORKERS_CHAOS") == "full"
