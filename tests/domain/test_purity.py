import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_domain_imports_nothing_of_django():
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "domain").rglob("*.py")
    )
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "heavy = {'django', 'rest_framework', 'channels', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_domain_is_typed_strictly(tmp_path):
    pytest.importorskip("mypy", reason="mypy is a tool of development")
    empty = tmp_path / "mypy.ini"
    empty.write_text("[mypy]\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(empty)]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), "domain"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
