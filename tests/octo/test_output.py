"""What programs read is complete; what people read cannot steer their terminal."""

from __future__ import annotations

import json

import pytest
import yaml

from octo import kinds, waiting
from octo.failures import BadUsage, Code
from octo.output import Format, plain, show

ROWS = [{"Id": "Projects-1", "Name": "Orders [bold]", "IsDefault": True, "Links": {"Self": "/x"}}]
COLUMNS = (("Id", "Id"), ("Name", "Name"), ("Default", "IsDefault"), ("None", "Nothing"))


def test_json_and_yaml_hold_everything(capsys) -> None:
    show(ROWS, Format.JSON, COLUMNS)
    assert json.loads(capsys.readouterr().out) == ROWS

    show(ROWS, Format.YAML, COLUMNS)
    assert yaml.safe_load(capsys.readouterr().out) == ROWS


def test_a_table_shows_texts_as_they_are(capsys) -> None:
    show(ROWS, Format.TABLE, COLUMNS)

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["Id", "Name", "Default", "None"]
    assert row.split() == ["Projects-1", "Orders", "[bold]", "yes"]


def test_a_long_cell_is_not_cut_in_a_pipe(capsys) -> None:
    show([{"Name": "x" * 500}], Format.TABLE, (("Name", "Name"),))

    assert "x" * 500 in capsys.readouterr().out


def test_one_thing_is_shown_without_its_links(capsys) -> None:
    show(ROWS[0], Format.TABLE, ())

    found = capsys.readouterr().out
    assert "Orders [bold]" in found
    assert "Links" not in found


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert plain("a\x1b[31mb\x07\tc\n\x9bd") == "a[31mb\tc\nd"


def test_kinds_are_found_in_the_singular() -> None:
    assert kinds.kind("project").path == "projects"
    assert kinds.kind("lifecycles").name == "lifecycles"
    with pytest.raises(BadUsage, match="There are: spaces, projects"):
        kinds.kind("nonsense")


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["Success", "Success"], Code.OK),
        (["Success", "Canceled"], Code.TASK_CANCELED),
        (["Canceled", "Failed"], Code.TASK_FAILED),
        (["TimedOut"], Code.TASK_FAILED),
    ],
)
def test_the_worst_end_counts(states: list[str], code: Code) -> None:
    assert waiting.outcome([{"State": state} for state in states]) is code
