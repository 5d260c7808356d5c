import pytest

from domain.octostache import evaluate
from tests.domain.octostache.cases import NOW, TABLE, VARIABLES

CASES = [
    pytest.param(template, expected, id=f"{feature}: {template}"[:90])
    for feature, cases in TABLE.items()
    for template, expected in cases
]

#: Those that do not go on with what follows them.
CLOSED = [
    case
    for case in CASES
    if not (case.values[0].endswith("#") or "#{if" in case.values[0] or "#{unless" in case.values[0])
]


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_the_case_table(template, expected):
    assert evaluate(template, VARIABLES, now=NOW) == expected


@pytest.mark.parametrize(("template", "expected"), CLOSED)
def test_a_token_gives_the_same_between_others(template, expected):
    around = f"<#{{Hash}}[#{{Direct[a]}}] {template}\n#{{First | Append 'x'}}"
    assert evaluate(around, VARIABLES, now=NOW).startswith(f"<#[1] {expected}\n")


def test_the_table_covers_every_feature_and_has_enough_of_each():
    assert sum(map(len, TABLE.values())) >= 300
    assert min(map(len, TABLE.values())) >= 5
