"""The examples of docs/templates.md do what the page says."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from domain.octostache import evaluate
from domain.octostache.filters import FILTERS

PAGE = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()
NOW = datetime(2026, 11, 3, 14, 8, 9, tzinfo=timezone(timedelta(hours=1)))


def examples():
    for block in re.findall(r"```octostache\n(.*?)```", PAGE, re.DOTALL):
        head, _, body = block.partition("\n\n")
        variables = dict(line.split(" = ", 1) for line in head.splitlines())
        pairs = re.findall(r"^(.+)\n→ ?(.*)$", body, re.MULTILINE)
        assert body == "".join(f"{template}\n→ {result}\n" for template, result in pairs)
        for template, result in pairs:
            yield pytest.param(template, variables, result, id=template)


@pytest.mark.parametrize(("template", "variables", "result"), list(examples()))
def test_an_example_of_the_page(template, variables, result):
    assert evaluate(template, variables, now=NOW) == result


def test_the_page_names_every_filter():
    assert [name for name in FILTERS if name not in PAGE.lower()] == []
