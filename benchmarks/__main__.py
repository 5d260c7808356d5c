"""`python -m benchmarks [dispatch jobs steps log idle]`: all of them by default."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

HOME = tempfile.mkdtemp(prefix="octoworkers-bench-")
os.environ["OCTOWORKERS_HOME"] = HOME
os.environ["DJANGO_SETTINGS_MODULE"] = "octoworkers.settings"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(names: list[str]) -> int:
    import django  # noqa: PLC0415 - after the environment above

    django.setup()
    from benchmarks import measures, report  # noqa: PLC0415 - after the set-up
    from tests.harness.installation import Installation  # noqa: PLC0415

    unknown = set(names) - set(measures.ALL)
    if unknown:
        print(f"Unknown: {', '.join(sorted(unknown))}. There are: {', '.join(measures.ALL)}.")
        return 1
    installation = Installation()
    installation.start()
    try:
        rows = measures.run(installation, names or list(measures.ALL))
    finally:
        installation.stop()
    print(report.table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
