"""Processes as text: nothing is lost on the way there and back, and what is wrong is said with its place."""

from __future__ import annotations

import contextlib
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.process_text import ActionText, Form, ProcessText, StepText, TextRefused, dump, parse
from domain.process_text.reading import MOST_STEPS
from domain.processes import SCRIPT_BODY, Location
from domain.step_rules import Condition, Start

FORMS = list(Form)

# What the database stores: any text without NUL, and no half of a surrogate pair.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
scripts = st.lists(
    st.text(st.sampled_from([*string.ascii_letters, *' \t"\\#{}<>EOT:-|&*!%@`\r']), max_size=12), max_size=6
).map("\n".join)
words = st.text(st.sampled_from("abcXYZ -é#:/{}\"'"), min_size=1, max_size=12)
names = words.map(lambda text: " ".join(text.split())).filter(bool)
lists = st.lists(words, max_size=3).map(tuple)


@st.composite
def actions(draw: st.DrawFn) -> ActionText:
    variable = draw(st.none() | st.sampled_from(["", "Project.WorkerPool", "A b-c_1.2"]))
    return ActionText(
        name=draw(names),
        slug=draw(st.just("") | st.sampled_from(["a", "b-2"])),
        action_type=draw(st.sampled_from(["Octopus.Script", "Octopus.Manual", "true", "0x1"])),
        properties=draw(st.dictionaries(texts, texts | scripts, max_size=4)),
        worker_pool=draw(words) if variable is None else "",
        worker_pool_variable=variable,
        is_disabled=draw(st.booleans()),
        is_required=draw(st.booleans()),
        environments=draw(lists),
        excluded_environments=draw(lists),
        channels=draw(lists),
        tenant_tags=draw(lists),
        notes=draw(texts | scripts),
    )


@st.composite
def processes(draw: st.DrawFn) -> ProcessText:
    kinds = draw(st.lists(names, max_size=3, unique_by=str.casefold))
    return ProcessText(
        tuple(
            StepText(
                name=name,
                slug=draw(st.just("") | st.just(f"step-{number}")),
                condition=draw(st.sampled_from(Condition)),
                expression=draw(texts),
                start=draw(st.sampled_from(Start)),
                actions=(draw(actions()),),
            )
            for number, name in enumerate(kinds)
        )
    )


def with_script(script: str) -> ProcessText:
    return ProcessText((StepText("Back up", actions=(ActionText(properties={SCRIPT_BODY: script}),)),))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(process=processes())
@example(process=ProcessText())
@example(process=with_script("a\n\tb  \n  \n\nEOT\n EOT \n"))
@example(process=with_script("\n\n  all\n  indented\n"))
@example(process=with_script("line\r\nline\r\n"))
@example(process=with_script(" \n"))
@example(process=with_script("null"))
@example(process=with_script("~"))
def test_what_is_written_is_read_as_the_same(form: Form, process: ProcessText) -> None:
    assert parse(dump(process, form), form) == process


@pytest.mark.parametrize("form", FORMS)
def test_the_form_is_told_by_the_text(form: Form) -> None:
    process = with_script("echo hello\necho again")

    assert parse(f"# kept in Git\n\n{dump(process, form)}") == process


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (Form.YAML, "      Octopus.Action.Script.ScriptBody: |\n        if true; then\n        \techo\n"),
        (Form.OCL, "            Octopus.Action.Script.ScriptBody = <<-EOT\n                if true; then\n"),
    ],
)
def test_a_script_stands_in_lines_of_its_own(form: Form, written: str) -> None:
    assert written in dump(with_script("if true; then\n\techo\nfi\n"), form)


def test_reads_a_process_of_octopus() -> None:
    text = """
step "nuget-push" {
    name = "NuGet Push"
    condition = "Always"

    action {
        action_type = "Octopus.Script"
        environments = ["production", "test"]
        is_disabled = true
        properties = {
            Octopus.Action.RunOnServer = "true"
            Octopus.Action.AutoRetry.MaximumCount = 3
            Package[a].Extract = "False"
            Quoted.Json = "{\\"PackageId\\":\\"Ocl\\"}"
            Octopus.Action.Script.ScriptBody = <<-EOT
                    echo one
                      echo two

                EOT
        }
        worker_pool = "hosted-ubuntu"
    }
}
"""
    (step,) = parse(text, Form.OCL).steps

    assert (step.name, step.slug, step.condition) == ("NuGet Push", "nuget-push", Condition.ALWAYS)
    (action,) = step.actions
    assert (action.worker_pool, action.environments) == ("hosted-ubuntu", ("production", "test"))
    assert action.is_disabled
    assert action.properties == {
        "Octopus.Action.RunOnServer": "true",
        "Octopus.Action.AutoRetry.MaximumCount": "3",
        "Package[a].Extract": "False",
        "Quoted.Json": '{"PackageId":"Ocl"}',
        SCRIPT_BODY: "echo one\n  echo two\n",
    }


@pytest.mark.parametrize(
    ("on_server", "location"),
    [("true", Location.ON_BEHALF), ("false", Location.TARGET), ("", Location.ON_BEHALF)],
)
def test_reads_targets_as_octopus_writes_them(on_server: str, location: Location) -> None:
    text = f"""
step "roll" {{
    properties = {{
        Octopus.Action.MaxParallelism = "2"
        Octopus.Action.TargetRoles = "web,db"
    }}
    action {{
        properties = {{
            Octopus.Action.RunOnServer = "{on_server}"
        }}
    }}
}}
"""
    (step,) = parse(text, Form.OCL).steps

    assert (step.target_tags, step.window, step.actions[0].location) == (("web", "db"), 2, location)


@pytest.mark.parametrize("form", FORMS)
def test_targets_come_back(form: Form) -> None:
    action = ActionText(location=Location.TARGET)
    process = ProcessText((StepText("Roll", actions=(action,), target_tags=("web",), window=3),))

    assert parse(dump(process, form), form) == process


def test_a_window_that_makes_no_sense_is_refused() -> None:
    text = "steps: [{name: a, properties: {Octopus.Action.MaxParallelism: many}, actions: [{}]}]"

    assert "Octopus.Action.MaxParallelism has to be a number" in refused(text)[0]


def refused(text: str, form: Form | None = None) -> list[str]:
    with pytest.raises(TextRefused) as caught:
        parse(text, form)
    return [str(fault) for fault in caught.value.faults]


def test_everything_that_is_wrong_is_said_with_line_step_and_field() -> None:
    text = """\
steps:
- name: Back up
  condition: Sometimes
  actions:
  - is_disabled: perhaps
    environments: production
    colour: red
- name: back up
  actions: []
"""
    assert refused(text) == [
        'Line 3, step Back up, condition: "Sometimes" is not one of Success, Failure, Always, Variable.',
        "Line 5, step Back up, is_disabled: Only true or false can stand here.",
        "Line 6, step Back up, environments: A list of texts has to stand here.",
        "Line 7, step Back up, colour: This server knows nothing of this name.",
        "Line 8, step back up, actions: A step needs an action.",
        "Line 8, step back up, name: Step on line 2 has the same name.",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [", "Line 2: This is not YAML"),
        ("- a\n- b", "Line 1: The text is no process"),
        ("steps:\n- &a {name: x}\n- *a", "Line 2: Anchors and aliases"),
        ("steps: " + "[" * 30 + "]" * 30, "goes too deep"),
        ("steps: " + "[" * 100_000, "Line 1: "),
        ("steps:\n- name: a\n---\nsteps: []", "Only one document"),
        ("steps:\n- name: \x01", "Line 2: There is a character"),
        ("steps:\n- name: !!python/object:os.system a\n  actions: [{notes: {}}]", "notes: A text has to"),
        ("steps:\n- {}", "Line 2, step 1, name: A step needs a name."),
        ("steps:\n- name: a\n  name: b\n  actions: [{}]", "Line 3, step 1, name: It stands here twice."),
        ("steps:\n- name: a\n  actions: [{worker_pool: p, worker_pool_variable: V}]", "cannot both stand"),
        ("steps:\n- name: a\n  actions: [{worker_pool_variable: '#{x}'}]", "worker_pool_variable"),
        ("steps:\n" + "- {name: a}\n" * (MOST_STEPS + 1), f"at most {MOST_STEPS} are taken"),
        ("x" * 5_000_001, "longer than 5,000,000 characters"),
    ],
)
def test_yaml_that_says_no_process(text: str, words: str) -> None:
    assert any(words in fault for fault in refused(text, Form.YAML))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('step "a" {\n  name = "A"\n', "Line 3: The text ends before a block is closed"),
        ('step "a" {\n  name "A"\n}', "Line 2: After name has to stand ="),
        ('step "a" {\n  name = \n}', "Line 2: A value has to stand here"),
        ('step "a" {\n  name = <<EOT\nx\n}', "The text ends before EOT closes"),
        ('step "a" {\n  name = "\\q"\n}', "Line 2: \\q means nothing here."),
        ('step "a" {\n  x = ["a"\n', "The text ends before a list is closed"),
        ("a {\n" * 100_000, "goes too deep"),
        ("a = " + "[" * 100_000, "goes too deep"),
        ("a = " + "{b=" * 100_000, "goes too deep"),
        (
            'step "a" {\n  container { }\n  action { }\n}',
            "Line 2, step a, container: This server knows nothing",
        ),
    ],
)
def test_ocl_that_says_no_process(text: str, words: str) -> None:
    assert any(words in fault for fault in refused(text, Form.OCL))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("steps:ap\"'=[]{}<>-|\n #\\&*EOT/,"), max_size=60))
def test_any_text_is_read_or_refused(form: Form, text: str) -> None:
    with contextlib.suppress(TextRefused):
        parse(text, form)
