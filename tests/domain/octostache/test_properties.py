import html
import json
import time
from itertools import count
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.octostache import (
    TemplateError,
    evaluate,
    evaluate_detailed,
    expand_all,
    explain,
    references,
)
from domain.octostache.filters import FILTERS

pieces = st.sampled_from(
    [
        *("#", "{", "}", "[", "]", "(", ")", "|", ".", " ", "\n", '"', '\\"', "==", "+", "-", "*", "/", "5"),
        *("A", "b", "x", "if ", "#{", "#{A}", "#{A", "#{if A}", "#{unless A}", "#{each x in A}", "#{calc "),
        *("#{else}", "#{/if}", "#{/unless}", "#{/each}", " | ToUpper", " | Replace ", " | Format ", "#{x}"),
    ]
)
templates = st.lists(pieces, max_size=30).map("".join)


@given(st.text(alphabet=st.characters(blacklist_characters="#")))
def test_text_without_a_reference_stays(text):
    assert evaluate(text, {"A": "1"}) == text


values = st.dictionaries(
    st.sampled_from(["A", "b", "x", "A.b", "A[x]", "5", "if A", "A[b].x", "else"]),
    st.one_of(templates, st.sampled_from(["", "1", "0", "a,b", "[1,[2]]", '{"x": {"b": 1}}', "2030-01-01"])),
)


@given(templates, values)
def test_no_template_and_no_values_raise_anything_but_template_errors(template, variables):
    result = evaluate_detailed(template, variables)
    assert isinstance(result.text, str)
    explanation = explain(template, variables)
    assert explanation.result.text == result.text
    assert references(template) is not None
    try:
        assert evaluate(template, variables) == result.text
    except TemplateError as error:
        assert str(error) == str(result.errors[0])  # noqa: PT017 - which it may raise


@given(st.text())
def test_any_text_is_a_template(text):
    assert isinstance(evaluate_detailed(text, {"A": text}).text, str)
    assert isinstance(evaluate_detailed(f"#{{A{text}}}", {"A": "1"}).text, str)


@given(st.text(alphabet=st.characters(blacklist_characters="#")), st.sampled_from(sorted(FILTERS)))
def test_filters_take_any_text_and_any_option(text, name):
    variables = {"A": text, "B": text}
    evaluate_detailed(f"#{{A | {name}}}#{{A | {name} #{{B}}}}#{{A | {name} #{{B}} #{{B}}}}", variables)


@given(st.text(alphabet=st.characters(blacklist_characters="#")))
def test_what_is_encoded_comes_back(text):
    text = text.encode("utf-8", "replace").decode()
    assert evaluate("#{A | ToBase64 | FromBase64}", {"A": text}) == text
    assert json.loads(f'"{evaluate("#{A | JsonEscape}", {"A": text})}"', strict=False) == text
    assert unquote(evaluate("#{A | UriDataEscape}", {"A": text})) == text
    assert html.unescape(evaluate("#{A | HtmlEscape}", {"A": text.replace("&", "")})) == text.replace("&", "")


@given(templates)
def test_evaluating_what_came_out_of_no_values_changes_nothing_more(template):
    # Escapes are undone once each time, so only texts without them are in question.
    template = template.replace("##", "# #")
    once = evaluate_detailed(template, {}).text
    assert evaluate_detailed(once, {}).text == once


plain_pieces = st.sampled_from(["#", "{", "}", "[", "]", ".", "A", "b", "#{", "#{A}", "#{A[", "x"])


@given(st.lists(plain_pieces, max_size=30).map("".join))
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
    "conditions without an end": "#{if A}",
    "ends without a beginning": "#{/if}",
    "conditions": '#{if A == "1"}x#{else}y#{/if}',
    "filters": '#{A | Replace "1" "2"}',
    "options without an end": '#{A | F "',
    "options within options": "#{A | F #{A | F ",
    "blocks within options": "#{A | F #{if A}",
    "escaped quotes": '#{A | F \\"',
    "sums": "#{calc (1+(",
    "repetitions": "#{each x in A}#{x}#{/each}",
    "repetitions without an end": "#{each x in A}",
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
    runs = count()

    def cost(size):
        # Names of its own each time, so that no parsed template is known from the time before.
        name = f"R{next(runs)}V"
        variables = {f"{name}{one}": f"#{{{name}{one + 1}}}" for one in range(size)}
        start = time.process_time()
        expand_all({**variables, f"{name}{size}": "x"})
        return time.process_time() - start

    assert min(cost(4000) for _ in range(3)) < 30 * max(min(cost(500) for _ in range(3)), 1e-4)
