import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.octostache import evaluate, evaluate_detailed, expand_all

pieces = st.sampled_from(
    ["#", "{", "}", "[", "]", "|", ".", " ", "\n", "A", "b", "if ", "/", "#{", "#{A}", "x"]
)
templates = st.lists(pieces, max_size=30).map("".join)


@given(st.text(alphabet=st.characters(blacklist_characters="#")))
def test_text_without_a_reference_stays(text):
    assert evaluate(text, {"A": "1"}) == text


@given(templates)
def test_nothing_but_escapes_changes_without_values(template):
    result = evaluate_detailed(template, {})
    assert result.errors == ()
    if "##" not in template:
        assert result.text == template


@given(templates, st.text(max_size=20))
def test_what_cannot_be_parsed_does_not_keep_a_later_reference_from_its_value(template, value):
    # No token goes on past a "!" to a reference after it.
    assert evaluate(f"{template}!#{{Known}}", {"Known": f"<{value.replace('#', '')}>"}).endswith(
        f"!<{value.replace('#', '')}>"
    )


@given(st.text(min_size=1, max_size=20).filter(lambda name: name.strip()), st.text())
def test_escaping_and_evaluating_gives_the_text_back(name, rest):
    rest = rest.replace("#", "")
    assert evaluate(f"##{{{name.replace('#', '')}}}{rest}", {name: "x"}).startswith("#{")


GROWING = {
    "text": "plain text and more ",
    "references": "text #{A} text ",
    "indexes": "#{A[#{B}]}",
    "missing": "#{Nothing at all}",
    "hashes": "#",
    "openings": "#{",
    "nested openings": "#{A[",
    "nested indexes": "#{A[#{",
    "filters without an end": "#{A|",
    "constructs without an end": "#{if ",
    "brackets": "#{A[[",
    "closings": "}",
    "spaces": "#{ ",
    "dots": "#{A.",
}


def seconds(template):
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        evaluate_detailed(template, {"A": "1", "B": "k", "A[k]": "2"})
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("unit", GROWING.values(), ids=GROWING)
def test_time_grows_with_the_length_and_not_with_its_square(unit):
    small = unit * (30_000 // len(unit))
    ratio = seconds(small * 8) / max(seconds(small), 1e-4)
    assert ratio < 24, f"eight times the text took {ratio:.0f} times as long"


def test_a_name_is_expanded_once_however_often_it_is_used():
    def cost(count):
        variables = {f"V{one}": f"#{{V{one + 1}}} #{{V{one + 1}}}"[:9] for one in range(count)}
        start = time.process_time()
        expand_all({**variables, f"V{count}": "x"})
        return time.process_time() - start

    assert min(cost(4000) for _ in range(3)) < 30 * max(min(cost(500) for _ in range(3)), 1e-4)
