from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.step_types import migrations as names
from domain.step_types.migrations import (
    DEFAULT_TABLE,
    MIGRATE_ACTION,
    MOST_SECONDS,
    BadScripts,
    Transaction,
    is_table,
    scripts,
)
from processes.action_types.base import ActionType
from processes.action_types.databases import DatabaseForm
from processes.action_types.script import LONGEST_SCRIPT, ScriptField


class MigrateForm(DatabaseForm):
    """Migrate a database: scripts that run once each, in their order."""

    scripts = ScriptField(
        label="Scripts", max_length=LONGEST_SCRIPT, error_messages={"required": "Enter the first script."}
    )
    migration_transaction = forms.ChoiceField(
        required=False,
        choices=[
            (Transaction.ONE, "All scripts in one transaction"),
            (Transaction.SCRIPT, "A transaction for each script"),
            (Transaction.EACH, "Each statement by itself"),
        ],
        initial=Transaction.ONE,
        label="Transaction",
    )
    journal_table = forms.CharField(required=False, max_length=63, label="Journal table")
    dry_run = forms.CharField(required=False, max_length=200, label="Dry run")
    migration_timeout = forms.IntegerField(
        required=False, min_value=0, max_value=MOST_SECONDS, label="Seconds for each statement"
    )

    def clean_scripts(self) -> str:
        text = str(self.cleaned_data["scripts"])
        try:
            scripts(text)
        except BadScripts as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def clean_journal_table(self) -> str:
        table = str(self.cleaned_data["journal_table"]).strip()
        if table and not is_table(table):
            raise forms.ValidationError("Use letters, digits and underscores, beginning with no digit.")
        return table

    def clean_dry_run(self) -> str:
        text = str(self.cleaned_data["dry_run"]).strip()
        if "#{" not in text and text.lower() not in ("", "true", "false"):
            raise forms.ValidationError("Enter True, False, or a variable that holds one of them.")
        return text

    def properties(self) -> dict[str, str]:
        """What is as usual is left out."""
        data = self.cleaned_data
        found = {names.TABLE: data["journal_table"], names.DRY_RUN: data["dry_run"]}
        if data["migration_transaction"] != Transaction.ONE:
            found[names.TRANSACTION] = data["migration_transaction"]
        if data["migration_timeout"]:
            found[names.TIMEOUT] = str(data["migration_timeout"])
        kept = {name: value for name, value in found.items() if value}
        return {**super().properties(), names.SCRIPTS: data["scripts"], **kept}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            **super().initial_properties(properties),
            "scripts": properties.get(names.SCRIPTS, ""),
            "migration_transaction": properties.get(names.TRANSACTION, Transaction.ONE),
            "journal_table": properties.get(names.TABLE, ""),
            "dry_run": properties.get(names.DRY_RUN, ""),
            "migration_timeout": properties.get(names.TIMEOUT, ""),
        }


MIGRATE_DATABASE = ActionType(
    key=MIGRATE_ACTION,
    slug="migrate-a-database",
    name="Migrate a database",
    description=f"Runs scripts once each, in their order, and keeps a journal of them in {DEFAULT_TABLE}.",
    icon="list-checks",
    form=MigrateForm,
    template="processes/types/_migrate.html",
)
