from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.step_types import sql as names
from domain.step_types.sql import MOST_ROWS, MOST_SECONDS, SQL_ACTION, BadParameter, Transaction, parameters
from processes.action_types.base import ActionType
from processes.action_types.databases import DatabaseForm
from processes.action_types.script import LONGEST_SCRIPT, ScriptField

_LONGEST_PARAMETERS = 20_000
_NOTHING = "Enter the SQL that this step runs."


class SqlForm(DatabaseForm):
    """Run SQL: statements on a database that a worker reaches."""

    sql = ScriptField(label="SQL", max_length=LONGEST_SCRIPT, error_messages={"required": _NOTHING})
    sql_parameters = forms.CharField(
        required=False,
        max_length=_LONGEST_PARAMETERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Parameters",
    )
    transaction = forms.ChoiceField(
        required=False,
        choices=[
            (Transaction.ONE, "All of it in one transaction"),
            (Transaction.EACH, "Each statement by itself"),
        ],
        initial=Transaction.ONE,
        label="Transaction",
    )
    rows = forms.IntegerField(required=False, min_value=0, max_value=MOST_ROWS, label="Rows in the log")
    statement_timeout = forms.IntegerField(
        required=False, min_value=0, max_value=MOST_SECONDS, label="Seconds for each statement"
    )
    hide_results = forms.BooleanField(required=False, label="Keep the results out of the log")

    def clean_sql(self) -> str:
        text = str(self.cleaned_data["sql"])
        if not text.strip():
            raise forms.ValidationError(_NOTHING)
        return text

    def clean_sql_parameters(self) -> str:
        text = str(self.cleaned_data["sql_parameters"]).replace("\r\n", "\n")
        try:
            parameters(text)
        except BadParameter as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def properties(self) -> dict[str, str]:
        """What is as usual is left out."""
        data = self.cleaned_data
        found = {names.PARAMETERS: data["sql_parameters"]} if data["sql_parameters"] else {}
        if data["transaction"] == Transaction.EACH:
            found[names.TRANSACTION] = Transaction.EACH
        numbers = {names.ROWS: "rows", names.TIMEOUT: "statement_timeout"}
        found |= {name: str(data[field]) for name, field in numbers.items() if data[field]}
        if data["hide_results"]:
            found[names.HIDE] = "True"
        return {**super().properties(), names.SCRIPT: data["sql"], **found}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            **super().initial_properties(properties),
            "sql": properties.get(names.SCRIPT, ""),
            "sql_parameters": properties.get(names.PARAMETERS, ""),
            "transaction": properties.get(names.TRANSACTION, Transaction.ONE),
            "rows": properties.get(names.ROWS, ""),
            "statement_timeout": properties.get(names.TIMEOUT, ""),
            "hide_results": properties.get(names.HIDE, "").lower() == "true",
        }


RUN_SQL = ActionType(
    key=SQL_ACTION,
    slug="run-sql",
    name="Run SQL",
    description="Runs SQL on a database that a worker reaches; the database server needs nothing for it.",
    icon="database",
    form=SqlForm,
    template="processes/types/_sql.html",
)
