"""What changed between two versions of a process, and how two edits come together."""

from __future__ import annotations

from dataclasses import replace

from domain.processes import SCRIPT_BODY, ActionDef, ProcessDef, StepDef
from processes import differences, merging
from processes.differences import Change, Entry, LineKind
from processes.models import PoolChoice
from processes.services.steps import StepFields


def step(id: str, *, number: int = 1, script: str = "echo one\n", **fields) -> StepDef:
    action = ActionDef(id=f"a{id}", name=f"Step {id}", properties={SCRIPT_BODY: script}, **fields)
    return StepDef(id=id, name=f"Step {id}", number=number, actions=(action,))


def test_equal_versions_do_not_differ():
    process = ProcessDef((step("1"), step("2", number=2)))

    assert differences.compare(process, process) == ()


def test_each_kind_of_change_is_named():
    before = ProcessDef((step("1"), step("2", number=2), step("3", number=3)))
    after = ProcessDef((step("3"), step("1", number=2, notes="new"), step("4", number=3)))

    found = {one.name: one.change for one in differences.compare(before, after)}

    assert found == {
        "Step 3": Change.MOVED,
        "Step 1": Change.CHANGED,
        "Step 4": Change.ADDED,
        "Step 2": Change.REMOVED,
    }


def entry(id: str, **fields) -> Entry:
    found = step(id, **fields)
    return Entry(found, found.actions[0])


def test_a_script_comes_as_a_unified_diff():
    before, after = entry("1", script="a\nb\nc\n"), entry("1", script="a\nB\nc\n")

    (field,) = differences.compare_steps(before, after)

    assert field.label == "Script"
    assert [(line.kind, line.text) for line in field.lines if line.kind is not LineKind.PLACE] == [
        (LineKind.SAME, " a"),
        (LineKind.REMOVED, "-b"),
        (LineKind.ADDED, "+B"),
        (LineKind.SAME, " c"),
    ]


def test_pools_are_told_apart_in_words():
    fixed = entry("1", worker_pool_id="7", worker_pool_name="SQL")
    (field,) = differences.compare_steps(fixed, entry("1", worker_pool_variable="Pool"))

    assert (field.before, field.after) == ("SQL", "From the variable Pool")


BASE = entry("1", notes="old")


def fields(**changes) -> StepFields:
    return replace(StepFields(name="Step 1", properties={SCRIPT_BODY: "echo one\n"}, notes="old"), **changes)


def test_each_keeps_the_fields_that_only_they_changed():
    merged = merging.merged(
        base=BASE, mine=fields(name="Mine"), theirs=fields(notes="theirs", is_disabled=True)
    )

    assert (merged.name, merged.notes, merged.is_disabled) == ("Mine", "theirs", True)


def test_where_both_changed_a_field_mine_stays():
    merged = merging.merged(base=BASE, mine=fields(notes="mine"), theirs=fields(notes="theirs"))

    assert merged.notes == "mine"


def test_the_pool_is_one_choice():
    theirs = fields(pool_choice=PoolChoice.VARIABLE, worker_pool_variable="Pool")

    untouched = merging.merged(base=BASE, mine=fields(), theirs=theirs)
    mine = merging.merged(
        base=BASE,
        mine=fields(pool_choice=PoolChoice.VARIABLE, worker_pool_variable="Other"),
        theirs=theirs,
    )

    assert untouched.worker_pool_variable == "Pool"
    assert mine.worker_pool_variable == "Other"


def test_without_a_base_everything_is_mine():
    assert merging.merged(base=None, mine=fields(notes="x"), theirs=fields()) == fields(notes="x")


def test_a_step_that_becomes_a_child_is_changed_and_its_parent_is_new():
    one, two = step("1"), step("2", number=2)
    parent = StepDef(
        "9",
        "Roll out",
        1,
        actions=tuple(replace(each.actions[0], step_id=each.id) for each in (one, two)),
        target_tags=("web",),
    )

    found = differences.compare(ProcessDef((one, two)), ProcessDef((parent,)))

    assert [(each.number, each.name, each.change) for each in found] == [
        ("1", "Roll out", Change.ADDED),
        ("1.1", "Step 1", Change.CHANGED),
        ("1.2", "Step 2", Change.CHANGED),
    ]
    fields = {field.label: (field.before, field.after) for field in found[1].fields}
    assert fields["Part of"] == ("", "Roll out")
