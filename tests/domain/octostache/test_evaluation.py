import re
import time
from datetime import UTC, datetime

import pytest

from domain.octostache import (
    EvaluationTooLong,
    ExpansionTooLarge,
    Read,
    RecursionDetected,
    Unevaluated,
    evaluate,
    evaluate_detailed,
    expand_all,
    explain,
    references,
)

VARIABLES = {
    "Name": "value",
    "Greeting": "Hello #{Who}",
    "Who": "#{First} #{Last}",
    "First": "Ada",
    "Last": "L#{Nothing}",
}


def test_a_variable_may_be_called_like_a_keyword():
    assert evaluate("#{If} #{each}", {"if": "1", "Each": "2"}) == "1 2"


def test_an_escape_in_a_value_is_undone_once():
    assert evaluate("#{A}", {"A": "##{B}", "B": "x"}) == "#{B}"


def test_a_value_is_not_parsed_again_with_its_surroundings():
    assert evaluate("#{A}{B}", {"A": "#", "B": "x"}) == "#{B}"


def test_detailed_names_what_is_missing_once_and_in_order():
    result = evaluate_detailed("#{B} #{A} #{b} #{Greeting} #{A[#{C}]}", VARIABLES)
    assert result.missing == ("B", "A", "Nothing", "C", "A[#{C}]")
    assert result.errors == ()


def test_detailed_names_the_other_tokens_that_stay_and_why():
    result = evaluate_detailed(
        "#{Name|Bogus} #{Name | Truncate x} #{First.} #{calc Name+1} #{Name | Bogus}", VARIABLES
    )
    assert result.missing == ()
    assert result.unevaluated == (
        Unevaluated("#{Name | Bogus}", "there is no filter Bogus"),
        Unevaluated('#{Name | Truncate "x"}', '"x" is not a whole number from 0 on'),
        Unevaluated("#{First.}", "it is not written as a reference"),
        Unevaluated("#{Name+1}", "the value of Name is not a number"),
    )


def test_what_a_condition_or_a_repetition_does_not_find_is_not_missing():
    result = evaluate_detailed('#{if A}x#{/if}#{if B == "x"}#{C}#{/if}#{each d in D}#{d}#{/each}', {})
    assert (result.text, result.missing, result.unevaluated) == ("", (), ())


def test_a_filter_of_a_missing_value_is_missing_and_not_wrong():
    result = evaluate_detailed("#{A | ToUpper} #{B | Append x}", {})
    assert (result.text, result.missing, result.unevaluated) == ("#{A | ToUpper} x", ("A",), ())


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"A": "#{A}"}, ("A", "A")),
        ({"A": "x #{b}", "B": "#{C}", "C": "#{a}"}, ("A", "b", "C", "A")),
        ({"A": "#{B[#{A}]}"}, ("A", "A")),
        ({"A": "#{X}", "X": "#{Y}", "Y": "#{X}"}, ("X", "Y", "X")),
    ],
)
def test_recursion_is_named(variables, names):
    with pytest.raises(RecursionDetected, match=" → ".join(names)) as caught:
        evaluate("#{A}", variables)
    assert caught.value.names == names


def test_a_value_used_twice_is_no_recursion():
    assert evaluate("#{A}", {"A": "#{B}#{B}#{C}", "B": "#{C}", "C": "c"}) == "ccc"


def test_indexes_of_one_variable_may_refer_to_each_other():
    assert evaluate("#{A[x]}", {"A[x]": "#{A[y]}", "A[y]": "z"}) == "z"


def test_recursion_leaves_the_rest_of_the_text():
    result = evaluate_detailed("#{A} #{Name}", {**VARIABLES, "A": "<#{A}>"})
    assert result.text == "<#{A}> value"
    assert [error.names for error in result.errors] == [("A", "A")]


def test_a_chain_of_ten_thousand_values_is_followed():
    chain = {f"V{number}": f"#{{V{number + 1}}}" for number in range(10_000)}
    assert evaluate("#{V0}", {**chain, "V10000": "end"}) == "end"


def test_values_that_multiply_are_stopped():
    doubling = {f"V{number}": f"#{{V{number + 1}}}#{{V{number + 1}}}" for number in range(100)}
    with pytest.raises(ExpansionTooLarge):
        evaluate("#{V0}", {**doubling, "V100": "x"})


def test_expand_all_puts_each_value_into_the_others():
    expansion = expand_all(VARIABLES)
    assert expansion.values["Greeting"] == "Hello Ada L#{Nothing}"
    assert expansion.values["Name"] == "value"
    assert list(expansion.values) == list(VARIABLES)
    assert expansion.errors == ()


def test_expand_all_reports_a_circle_once_and_expands_the_rest():
    expansion = expand_all({"A": "#{B}", "B": "#{A}", "C": "#{D}", "D": "d"})
    assert expansion.values["C"] == "d"
    assert [error.names for error in expansion.errors] == [("A", "B", "A")]


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("", set()),
        ("#{A} #{ B.C } ##{D} ###{E}", {"A", "B.C", "E"}),
        ("#{A[#{B[#{C}]}]}", {"C"}),
        ("#{A[x].y} #{F | Append #{G} h}", {"A[x].y", "F", "G"}),
        ("#{if A}#{B}#{else}#{C}#{/if}#{unless D == E}#{/unless}", {"A", "B", "C", "D", "E"}),
        ("#{each f in F}#{f} #{f.x} #{G[#{f}]} #{Octopus.Template.Each.Index}#{/each}", {"F"}),
        ("#{calc A + {B}}", {"A", "B"}),
    ],
)
def test_references(template, names):
    assert references(template) == names


def test_repetitions_that_multiply_are_stopped():
    many = ",".join("x" * 2000)
    nested = "#{each a in L}#{each b in L}#{each c in L}#{a}#{/each}#{/each}#{/each}"
    with pytest.raises(EvaluationTooLong):
        evaluate(nested, {"L": many})


def test_a_repetition_of_nothing_is_stopped_as_well():
    with pytest.raises(EvaluationTooLong):
        evaluate("#{each a in L}#{each b in L}#{/each}#{/each}", {"L": "," * 5000})


def test_filters_that_multiply_are_stopped():
    with pytest.raises(ExpansionTooLarge):
        evaluate("#{A | Replace b #{A} | Replace b #{A}}", {"A": "b" * 10_000})


@pytest.mark.parametrize("call", ['Match "(a|aa)+$"', 'Replace "(a|aa)+$" "x"'])
def test_a_pattern_that_backtracks_without_end_is_given_up_and_the_rest_is_evaluated(call):
    template = f"#{{A | {call}}} #{{B}}"
    result = evaluate_detailed(template, {"A": "a" * 60 + "c", "B": "rest"})
    assert result.text == f"#{{A | {call}}} rest"
    assert [one.reason for one in result.unevaluated] == ["the patterns take longer than a second"]


def test_all_patterns_of_one_evaluation_share_a_limit():
    tokens = [f'#{{A | Match "(a|aa)+{number}$"}}' for number in range(50)]
    started = time.monotonic()
    result = evaluate_detailed("".join(tokens), {"A": "a" * 60 + "c"})
    assert len(result.unevaluated) == 50
    # One limit is a second; fifty of them would be a minute.
    assert time.monotonic() - started < 25


def test_blocks_of_any_depth_are_no_error():
    deep = "#{if A}" * 5000 + "x" + "#{/if}" * 5000
    assert "x" in evaluate(deep, {"A": "1"})
    assert evaluate("#{if A}" * 60 + "x" + "#{/if}" * 60, {"A": "1"}) == "x"


def test_json_of_any_depth_is_no_error():
    assert evaluate("#{A.x}", {"A": '{"x":' * 100_000}) == "#{A.x}"
    assert evaluate("#{A.x}", {"A": "{x: 0x" + "F" * 10_000 + "}"}) == "#{A.x}"
    assert evaluate("#{A.x}", {"A": '{"x": ' + "9" * 10_000 + "}"}) == "#{A.x}"
    assert evaluate("#{A[0]}", {"A": "[" * 50 + "]" * 50}) == "[" * 49 + "]" * 49


def test_a_circle_within_json_is_named():
    with pytest.raises(RecursionDetected, match=re.escape("T.B → T.A → T.B")):
        evaluate("#{T.A}", {"T": '{A: "#{T.B}", B: "#{T.A}"}'})


def test_explain_says_what_each_token_read_and_what_was_missing():
    explanation = explain("#{Greeting}! #{First | ToUpper} #{if X}#{Name}#{/if}#{Name | Bogus}", VARIABLES)
    assert explanation.result.text == "Hello Ada L#{Nothing}! ADA #{Name | Bogus}"
    greeting, shout, block, bogus = explanation.tokens
    assert (greeting.token, greeting.text) == ("#{Greeting}", "Hello Ada L#{Nothing}")
    assert greeting.reads == (Read("Greeting", "Hello Ada L#{Nothing}"),)
    assert greeting.missing == ("Nothing",)
    assert (shout.text, shout.reads, shout.missing) == ("ADA", (Read("First", "Ada"),), ())
    assert (block.text, block.reads) == ("", (Read("X", None),))
    assert bogus.unevaluated == (Unevaluated("#{Name | Bogus}", "there is no filter Bogus"),)


def test_explain_names_a_circle_at_the_token_that_runs_into_it():
    explanation = explain("#{A} #{B}", {"A": "#{A}", "B": "b"})
    assert [[error.names for error in one.errors] for one in explanation.tokens] == [[("A", "A")], []]
    assert explanation.result.text == "#{A} b"


def test_explain_tells_each_of_two_tokens_with_the_same_value_what_is_missing():
    explanation = explain("#{Last} #{Last}", VARIABLES)
    assert [one.missing for one in explanation.tokens] == [("Nothing",), ("Nothing",)]


def test_explain_has_the_items_of_repetitions_as_reads():
    (token,) = explain("#{each x in L}#{x}#{/each}", {"L": "1,2"}).tokens
    assert token.reads == (Read("L", "1,2"), Read("x", "1"), Read("x", "2"))


def test_the_present_is_the_same_for_a_whole_set_when_it_is_given():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert expand_all({"A": "#{ | NowDateUtc yyyy}"}, now=now).values == {"A": "2026"}
