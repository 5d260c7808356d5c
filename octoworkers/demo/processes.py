"""The demo's steps and runbooks, as data. The scripts are files in `scripts/`; tests run them as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, Syntax

POOL_VARIABLE = "Project.WorkerPool"
DEV_POOL, PRODUCTION_POOL = "SQL - Dev", "SQL - Production"

_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class DemoStep:
    """`fixed_pool` names the one pool of a step that does not take it from the variable; `parts` are
    script files that are put one behind the other."""

    name: str
    parts: tuple[str, ...]
    fixed_pool: str = ""
    notes: str = ""

    @property
    def properties(self) -> dict[str, str]:
        syntax = Syntax.BASH if self.parts[-1].endswith(".sh") else Syntax.PYTHON
        return {SCRIPT_BODY: script(*self.parts), SCRIPT_SYNTAX: syntax.value}


@dataclass(frozen=True)
class DemoRunbook:
    name: str
    description: str
    steps: tuple[DemoStep, ...]


def script(*parts: str) -> str:
    """The text of a step's script."""
    return "\n\n".join((_SCRIPTS / part).read_text().strip() for part in parts) + "\n"


def _on_database(name: str, part: str) -> DemoStep:
    return DemoStep(name, ("database.py", part))


MIGRATE = (
    DemoStep("Check free space", ("check_free_space.sh",)),
    _on_database("Take a verified backup", "take_backup.py"),
    _on_database("Apply pending migrations", "apply_migrations.py"),
    _on_database("Verify row counts", "verify_row_counts.py"),
)
BACK_UP_AND_MIGRATE = DemoRunbook(
    "Back up and migrate",
    "Takes a verified backup, applies the migrations that are missing, and checks that no row was lost.",
    (*MIGRATE, _on_database("Prune old backups", "prune_backups.py")),
)
RESTORE_DRILL = DemoRunbook(
    "Restore drill",
    "Restores the newest off-site copy. Fails until the off-site folder exists, and says so.",
    (
        _on_database("Find the newest backup", "find_backup.py"),
        _on_database("Check the off-site copy", "check_offsite_copy.py"),
        _on_database("Restore into a scratch database", "restore_into_scratch.py"),
    ),
)
PRINT_LINES = DemoRunbook(
    "Print 200,000 coloured lines",
    "Shows the live log under load: colours, verbose lines, warnings.",
    (
        DemoStep(
            "Print",
            ("print_lines.py",),
            fixed_pool=DEV_POOL,
            notes="This step names its pool itself, so it runs on SQL - Dev in every environment.",
        ),
    ),
)
RUNBOOKS = (BACK_UP_AND_MIGRATE, RESTORE_DRILL, PRINT_LINES)
