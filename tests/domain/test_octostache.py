import pytest

from domain.octostache import (
    ExpansionTooLarge,
    RecursionDetected,
    evaluate,
    evaluate_detailed,
    expand_all,
    references,
)

VARIABLES = {
    "Name": "value",
    "Project.WorkerPool": "SQL - Dev",
    "Foo Bar Jazz": "spaces",
    "a/b~(c):d@e-f_g": "punctuation",
    "Octopus.Step[Step 1].Status.Code": "Running",
    "Step": "Step 1",
    "Matrix[a[0].b].C": "bracketed",
    "Deep[x]": "Step",
    "Empty": "",
    "List[]": "nameless",
    "Greeting": "Hello #{Who}",
    "Who": "#{First} #{Last}",
    "First": "Ada",
    "Last": "L#{Nothing}",
    "Größe": "XL",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("no reference", "no reference"),
        ("#{Name}", "value"),
        ("#{name} #{NAME}", "value value"),
        ("#{ Name }", "value"),
        ("#{Project.WorkerPool}", "SQL - Dev"),
        ("#{Project . WorkerPool}", "SQL - Dev"),
        ("#{Foo Bar Jazz}", "spaces"),
        ("#{a/b~(c):d@e-f_g}", "punctuation"),
        ("#{GRÖSSE}|#{größe}", "XL|XL"),
        ("#{Empty}", ""),
        ("<#{Name}>#{Name}</>", "<value>value</>"),
        # Indexes
        ("#{Octopus.Step[Step 1].Status.Code}", "Running"),
        ("#{octopus.step[ step 1 ].status.code}", "Running"),
        ("#{Octopus.Step[#{Step}].Status.Code}", "Running"),
        ("#{Octopus.Step[ #{ Step } ].Status.Code }", "Running"),
        ("#{Octopus.Step[#{#{Deep[x]}}].Status.Code}", "#{Octopus.Step[#{Step}].Status.Code}"),
        ("#{Matrix[a[0].b].C}", "bracketed"),
        ("#{List[]}", "nameless"),
        ("#{Octopus.Step[#{Nothing}].Status.Code}", "#{Octopus.Step[#{Nothing}].Status.Code}"),
        # Runs of #
        ("##{Name}", "#{Name}"),
        ("###{Name}", "#value"),
        ("####{Name}", "###{Name}"),
        ("#####{Name}", "###value"),
        ("## ### #a ##", "## ### #a ##"),
        ("#", "#"),
        ("# #{Name} #", "# value #"),
        ("##{a #{Name}}", "#{a value}"),
        # What is missing or cannot be parsed stays
        ("#{Nothing}", "#{Nothing}"),
        ("#{ Nothing }", "#{ Nothing }"),
        ("#{}", "#{}"),
        ("#{ }", "#{ }"),
        ("#{.}", "#{.}"),
        ("#{Name.}", "#{Name.}"),
        ("#{Name..x}", "#{Name..x}"),
        ("#{Name", "#{Name"),
        ("#{Name\n#{Name}", "#{Name\nvalue"),
        ("#{", "#{"),
        ("#{#{Name}", "#{value"),
        ("#{Na[me} #{Name}", "#{Na[me} value"),
        ("#{Na[me\n#{Name}", "#{Na[me\nvalue"),
        ("#{Na[me #{Name}", "#{Na[me value"),
        ("#{Na]me} #{Name}", "#{Na]me} value"),
        ("#{A[#{Name} #{Name}", "#{A[#{Name} value"),
        ('"#{"===e;i="#{Name}"', '"#{"===e;i="value"'),
        ("###{", "##{"),
        ("${#list[@]} ${var#prefix} $#", "${#list[@]} ${var#prefix} $#"),
        # Constructs that are not evaluated stay, and so does what is inside the token
        ("#{Name | ToUpper}", "#{Name | ToUpper}"),
        ("#{Name | Append #{Name}} #{Name}", "#{Name | Append #{Name}} value"),
        ("#{ | NowDate}", "#{ | NowDate}"),
        ("#{Name | Foo", "#{Name | Foo"),
        ("#{Name | Foo #{Name}", "#{Name | Foo value"),
        ("#{calc 1 + 2}", "#{calc 1 + 2}"),
        ("#{if Name}", "#{if Name}"),
        ('#{if Name == "x"}#{Name}#{else}b#{/if}', '#{if Name == "x"}value#{else}b#{/if}'),
        ("#{each x in List}y#{/each}", "#{each x in List}y#{/each}"),
        ("#{Name + 1}", "#{Name + 1}"),
        # Values refer to values
        ("#{Greeting}!", "Hello Ada L#{Nothing}!"),
    ],
)
def test_evaluate(template, expected):
    assert evaluate(template, VARIABLES) == expected


def test_a_variable_may_be_called_like_a_keyword():
    assert evaluate("#{If} #{each}", {"if": "1", "Each": "2"}) == "1 2"


def test_an_escape_in_a_value_is_undone_once():
    assert evaluate("#{A}", {"A": "##{B}", "B": "x"}) == "#{B}"


def test_a_value_is_not_parsed_again_with_its_surroundings():
    assert evaluate("#{A}{B}", {"A": "#", "B": "x"}) == "#{B}"


def test_detailed_names_what_is_missing_once_and_in_order():
    result = evaluate_detailed("#{B} #{A} #{b} #{Greeting} #{A[#{C}]}", VARIABLES)
    assert result.missing == ("B", "A", "Nothing", "C")
    assert result.errors == ()


def test_detailed_names_what_is_not_evaluated():
    result = evaluate_detailed("#{if A}#{Name | ToLower}#{/if}#{calc 1+1}", VARIABLES)
    assert result.unsupported == ("if", "|", "/if", "calc")
    assert result.missing == ()


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
        ("#{A[x].y} #{F | ToUpper} #{if G}", {"A[x].y"}),
    ],
)
def test_references(template, names):
    assert references(template) == names
