"""What import-linter checks, and the foreign keys by name that it cannot see."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).parent.parent.parent
OWN = {"accounts", "environments", "pools", "processes", "projects", "runbooks", "spaces", "tasks", "tenants"}


def layer_of_app() -> dict[str, int]:
    """Package to its layer, 0 at the top, as pyproject.toml has them."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one["type"] == "layers"]
    return {name.strip(): number for number, line in enumerate(layers) for name in line.split("|")}


def test_imports_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_package_has_a_layer() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "agent", "benchmarks"}

    assert packages == set(layer_of_app())


def test_no_foreign_key_points_up_or_aside() -> None:
    layers = layer_of_app()
    assert set(layers) >= OWN
    wrong = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.auto_created or field.related_model is None:
                continue
            own, other = model._meta.app_label, field.related_model._meta.app_label
            if own in layers and other in layers and own != other and layers[own] >= layers[other]:
                wrong.append(f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}")

    assert wrong == []
