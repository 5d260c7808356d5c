from dataclasses import replace

import pytest

from domain.arrangement import stages, units
from domain.conditions import Applies
from domain.planning import (
    FixHint,
    FixKind,
    PoolCapacity,
    PoolInfo,
    ProblemCode,
    ReasonKind,
    RunPlan,
    Severity,
    plan,
    step_values,
)
from domain.plans import step_text
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, ActionDef, ProcessDef, StepDef
from domain.scopes import Context, Kind, Scope
from domain.step_rules import Condition, Start
from domain.units import Place, in_line
from domain.variables import Candidate, VariableType

DEV, PROD, EU = PoolInfo("1", "SQL - Dev"), PoolInfo("2", "SQL - Production"), PoolInfo("3", "EU - Private")
DEFAULT = PoolInfo("9", "Default", is_default=True)
POOLS = {pool.id: pool for pool in (DEV, PROD, EU, DEFAULT)}
FREE = PoolCapacity(workers_total=2, workers_available=2, slots_total=4, slots_free=3)
NAMES = {
    (Kind.ENVIRONMENT, "dev"): "Development",
    (Kind.ENVIRONMENT, "test"): "Test",
    (Kind.ENVIRONMENT, "prod"): "Production",
    (Kind.TENANT, "acme"): "Acme",
    (Kind.PROCESS, "runbook:5"): "Back up and migrate",
}
IN_PRODUCTION = Context(environment="prod", process="runbook:5")


def pool_value(id, pool, scope, *, name="Project.WorkerPool", type=VariableType.WORKER_POOL, label=""):
    return Candidate(id, name, type, pool, Scope.of(scope), label=label)


POOL_VALUES = [
    pool_value("v1", "1", {Kind.ENVIRONMENT: ["test", "dev"]}),
    pool_value("v2", "2", {Kind.ENVIRONMENT: ["prod"]}),
    pool_value("v3", "3", {Kind.ENVIRONMENT: ["prod"], Kind.TENANT_TAG: ["Region/EU"]}),
]


def action(id="a1", script="true", **fields):
    fields.setdefault("worker_pool_variable", "Project.WorkerPool")
    return ActionDef(id, f"Action {id}", properties={SCRIPT_BODY: script}, **fields)


def process(*actions):
    return ProcessDef(tuple(StepDef(f"s{n}", one.name, n, (one,)) for n, one in enumerate(actions, start=1)))


def planned(*actions, candidates=POOL_VALUES, context=IN_PRODUCTION, capacity=None, pools=POOLS):
    return plan(
        process=process(*actions),
        candidates=candidates,
        context=context,
        pools=pools,
        capacity=dict.fromkeys(pools, FREE) if capacity is None else capacity,
        names=NAMES,
    )


def only_problem(result):
    (problem,) = result.problems
    return problem


def test_the_pool_follows_the_environment_and_the_plan_says_why():
    result = planned(action())
    (step,) = result.steps
    assert (step.pool_id, step.pool_name, step.capacity) == ("2", "SQL - Production", FREE)
    assert step.needs == ("bash",)
    assert step.why.kind is ReasonKind.VARIABLE
    assert step.why.sentence == (
        "Step 1 takes its pool from Project.WorkerPool. Three values are defined and one matches this run."
    )
    assert [(row.value, row.result, row.used) for row in step.why.rows] == [
        ("SQL - Dev", "Other environment", False),
        ("SQL - Production", "Used. Exact environment", True),
        ("EU - Private", "This run has no tenant", False),
    ]
    assert [[label.text for label in row.labels] for row in step.why.rows] == [
        ["Development", "Test"],
        ["Production"],
        ["Region/EU", "Production"],
    ]
    assert result.problems == ()
    assert result.can_start
    assert result.pool_ids == {"2"}
    assert (result.labels.environment, result.labels.process) == ("Production", "Back up and migrate")


@pytest.mark.parametrize(
    ("context", "pool"),
    [
        (Context(environment="dev"), "SQL - Dev"),
        (Context(environment="test"), "SQL - Dev"),
        (Context(environment="prod", tenant="acme"), "SQL - Production"),
        (
            Context(environment="prod", tenant="acme", tenant_tags=frozenset({"Region/EU"})),
            "EU - Private",
        ),
    ],
)
def test_the_pool_in_other_contexts(context, pool):
    assert planned(action(), context=context).steps[0].pool_name == pool


def test_a_value_for_the_step_beats_one_for_the_environment_in_that_step_only():
    values = [*POOL_VALUES, pool_value("v4", "3", {Kind.ACTION: ["a2"]})]
    result = planned(action("a1"), action("a2"), candidates=values)
    assert [step.pool_name for step in result.steps] == ["SQL - Production", "EU - Private"]
    assert "The most specific one is used." in result.steps[1].why.sentence


def test_a_fixed_pool_and_the_default_pool():
    fixed = action("a1", worker_pool_id="3", worker_pool_variable=None)
    default = action("a2", worker_pool_variable=None)
    result = planned(fixed, default)
    assert [(step.pool_name, step.why.kind) for step in result.steps] == [
        ("EU - Private", ReasonKind.FIXED),
        ("Default", ReasonKind.DEFAULT),
    ]


def test_a_disabled_step_is_skipped_and_not_judged():
    result = planned(action("a1"), action("a2", is_disabled=True, worker_pool_variable="Nothing"))
    assert result.steps[1].skipped == "Disabled"
    assert result.steps[1].pool_id is None
    assert result.running_steps == result.steps[:1]
    assert result.can_start


@pytest.mark.parametrize(
    ("actions", "words"),
    [((), "has no steps"), ((action(is_disabled=True),), "has no enabled steps")],
)
def test_an_empty_process_cannot_start(actions, words):
    result = planned(*actions)
    problem = only_problem(result)
    assert problem.code is ProblemCode.EMPTY_PROCESS
    assert words in problem.message
    assert not result.can_start


def pool_problem(values, context=IN_PRODUCTION, **fields):
    result = planned(action(**fields), candidates=values, context=context)
    assert not result.can_start
    assert result.steps[0].pool_id is None
    return only_problem(result)


def test_a_pool_variable_that_does_not_exist():
    problem = pool_problem([])
    assert problem.code is ProblemCode.NO_SUCH_VARIABLE
    assert problem.fix == FixHint(FixKind.VARIABLE, "Project.WorkerPool")
    assert problem.message == "Step 1 takes its pool from Project.WorkerPool, and there is no such variable."


def test_a_pool_variable_without_a_value_here_lists_what_there_is():
    problem = pool_problem([POOL_VALUES[0], POOL_VALUES[2]])
    assert problem.code is ProblemCode.NO_VALUE_IN_SCOPE
    assert "SQL - Dev (Development or Test): other environment" in problem.message
    assert "EU - Private (Region/EU + Production): this run has no tenant" in problem.message


def test_a_long_list_of_values_is_cut_and_counted():
    values = [pool_value(str(n), "1", {Kind.ENVIRONMENT: [f"e{n}"]}) for n in range(8)]
    assert pool_problem(values).message.endswith("and 3 more.")


def test_a_tied_pool_variable_names_both_values():
    values = [*POOL_VALUES, pool_value("v4", "1", {Kind.ENVIRONMENT: ["prod"]})]
    problem = pool_problem(values)
    assert problem.code is ProblemCode.TIED_VALUES
    assert "SQL - Production (Production) and SQL - Dev (Production)" in problem.message


def test_a_variable_of_another_type_picks_no_pool():
    values = [pool_value("v1", "SQL - Dev", {}, type=VariableType.STRING)]
    problem = pool_problem(values)
    assert problem.code is ProblemCode.NOT_A_POOL
    assert "type String" in problem.message


def test_a_sensitive_value_never_shows_in_a_problem_or_a_reason():
    result = planned(action(), candidates=[pool_value("v1", "c1ph3r", {}, type=VariableType.SENSITIVE)])
    assert "c1ph3r" not in repr(result)
    assert result.candidates[0].value == "c1ph3r"


def test_a_deleted_pool_goes_by_the_name_that_it_had():
    fixed = pool_problem([], worker_pool_variable=None, worker_pool_id="77", worker_pool_name="Old - SQL")
    assert (fixed.code, fixed.fix) == (ProblemCode.DELETED_POOL, FixHint(FixKind.PROCESS, "s1"))
    assert "the pool Old - SQL, which has been deleted" in fixed.message
    picked = pool_problem([pool_value("v1", "77", {}, label="Old - SQL")])
    assert picked.code is ProblemCode.DELETED_POOL
    assert "picks Old - SQL here, a pool that was deleted" in picked.message


def test_no_default_pool():
    result = planned(action(worker_pool_variable=None), pools={"1": DEV})
    assert only_problem(result).code is ProblemCode.NO_DEFAULT_POOL


@pytest.mark.parametrize(
    ("capacity", "code", "severity", "message"),
    [
        (
            PoolCapacity(0, 0, 0, 0),
            ProblemCode.POOL_WITHOUT_WORKERS,
            Severity.ERROR,
            "SQL - Production has no workers.",
        ),
        (
            PoolCapacity(2, 0, 0, 0, "1 offline, 1 disabled"),
            ProblemCode.NO_AVAILABLE_WORKER,
            Severity.ERROR,
            "SQL - Production has 2 workers, but none can take work: 1 offline, 1 disabled.",
        ),
        (
            PoolCapacity(2, 0, 0, 0, "1 disabled, 1 reconnecting", workers_returning=1),
            ProblemCode.NO_AVAILABLE_WORKER,
            Severity.WARNING,
            "No worker of SQL - Production is connected right now: 1 disabled, 1 reconnecting."
            " The run will wait.",
        ),
        (
            PoolCapacity(1, 1, 2, 0),
            ProblemCode.POOL_FULL,
            Severity.WARNING,
            "SQL - Production is full, 2 of 2 slots busy. The run will wait.",
        ),
    ],
)
def test_the_state_of_a_pool_is_told_once(capacity, code, severity, message):
    result = planned(action("a1"), action("a2"), capacity={"2": capacity})
    problem = only_problem(result)
    assert (problem.code, problem.severity, problem.message) == (code, severity, message)
    assert (problem.step, problem.fix.id) == (1, "2")
    assert result.can_start == (severity is Severity.WARNING)


@pytest.mark.parametrize(
    ("capacity", "sentence"),
    [
        (PoolCapacity(0, 0, 0, 0), "no workers"),
        (PoolCapacity(1, 0, 0, 0), "no worker available"),
        (PoolCapacity(1, 0, 0, 0, "1 draining"), "1 draining"),
        (PoolCapacity(1, 1, 2, 0), "0 of 2 slots free"),
        (PoolCapacity(1, 1, 2, 1), "1 free slot"),
        (FREE, "3 free slots"),
    ],
)
def test_the_room_in_a_pool(capacity, sentence):
    assert capacity.sentence == sentence


def test_a_step_of_another_type_or_language_cannot_run():
    other = replace(action("a1"), action_type="Octopus.Nothing")
    csharp = ActionDef(
        "a2", "A", properties={SCRIPT_SYNTAX: "CSharp"}, worker_pool_variable="Project.WorkerPool"
    )
    result = planned(other, csharp)
    assert [(one.code, one.step) for one in result.problems] == [
        (ProblemCode.UNKNOWN_STEP_TYPE, 1),
        (ProblemCode.UNKNOWN_SYNTAX, 2),
    ]


def string(id, name, value, scope=None, type=VariableType.STRING):
    return Candidate(id, name, type, value, Scope.of(scope or {}))


def script_problems(script, *values, context=IN_PRODUCTION):
    return planned(action(script=script), candidates=[*POOL_VALUES, *values], context=context).problems


def test_what_a_script_refers_to_and_is_not_there_is_warned_about():
    dev_only = string("x", "Database.Host", "db", {Kind.ENVIRONMENT: ["dev"]})
    composed = string("y", "Url", "http://#{Port}")
    missing, elsewhere, nested = script_problems("#{Nope} #{Database.Host} #{Url}", dev_only, composed)
    assert {missing.code, elsewhere.code, nested.code} == {ProblemCode.MISSING_VALUE}
    assert missing.severity is Severity.WARNING
    assert missing.fix == FixHint(FixKind.VARIABLE, "Nope")
    assert "#{Nope}, which has no value" in missing.message
    assert "its only value does not apply here" in elsewhere.message
    assert "#{Port}" in nested.message


def test_what_is_only_known_when_the_step_starts_is_not_missed():
    secret = string("x", "Password", "c1ph3r", type=VariableType.SENSITIVE)
    script = "#{Password} #{Octopus.Task.Id} #{octopus.environment.name} #{Octopus.Runbook.Name}"
    assert script_problems(script, secret) == ()
    (problem,) = script_problems("#{Octopus.Release.Number}")
    assert problem.code is ProblemCode.MISSING_VALUE
    deployment = Context(environment="prod", process="deployment")
    assert script_problems("#{Octopus.Release.Number}", context=deployment) == ()


def test_a_value_that_refers_to_itself_keeps_the_run_from_starting():
    (problem,) = script_problems("#{A}", string("x", "A", "#{B}"), string("y", "B", "#{A}"))
    assert (problem.code, problem.severity) == (ProblemCode.BAD_VALUE, Severity.ERROR)
    assert "A → B → A" in problem.message


def test_values_that_refer_to_themselves_matter_although_no_script_uses_them_and_are_told_once():
    values = [string("x", "A", "#{B}"), string("y", "B", "#{A}"), string("z", "C", "#{A}")]
    result = planned(action("a1"), action("a2"), candidates=[*POOL_VALUES, *values])
    assert [(one.code, one.step) for one in result.problems] == [(ProblemCode.BAD_VALUE, 1)]


def test_values_that_multiply_keep_the_run_from_starting():
    values = [string(str(n), f"V{n}", f"#{{V{n + 1}}}#{{V{n + 1}}}") for n in range(99)]
    (problem,) = script_problems("", *values, string("end", "V99", "x"))
    assert problem.code is ProblemCode.BAD_VALUE
    assert "come to more than" in problem.message


def test_a_script_that_takes_too_much_of_a_value_keeps_the_run_from_starting():
    (problem,) = script_problems("#{Big}" * 70, string("x", "Big", "x" * 1_000_000))
    assert (problem.code, problem.fix) == (ProblemCode.BAD_VALUE, FixHint(FixKind.PROCESS, "s1"))


def test_a_pool_variable_that_is_tied_only_where_it_does_not_pick_is_told():
    rival = pool_value("v4", "1", {Kind.ACTION: ["a2"]})
    other = pool_value("v5", "3", {Kind.ACTION: ["a2"]})
    fixed = action("a2", worker_pool_variable=None, worker_pool_id="1")
    result = planned(action("a1"), fixed, candidates=[*POOL_VALUES, rival, other])
    assert [(one.code, one.step) for one in result.problems] == [(ProblemCode.TIED_VALUES, 2)]


def test_a_token_that_cannot_be_evaluated_is_warned_about_by_name():
    (problem,) = script_problems("#{Host | ToBazooka}", string("x", "Host", "db1"))
    assert (problem.code, problem.severity) == (ProblemCode.UNEVALUATED_TOKEN, Severity.WARNING)
    assert problem.message == (
        "The script of step 1 has #{Host | ToBazooka}, which stays: there is no filter ToBazooka."
    )


def test_filters_conditions_and_repetitions_are_no_problem():
    script = "#{Host | ToUpper}#{if Nothing}x#{/if}#{each one in Host}#{one}#{/each}#{calc 1 + 1}"
    assert script_problems(script, string("x", "Host", "db1")) == ()


def test_what_a_filter_makes_of_a_value_that_is_not_known_yet_is_not_judged():
    script = "#{Octopus.Step.Number | Format D2}#{Version | VersionMajor}"
    assert script_problems(script, string("x", "Version", "#{Octopus.Task.Name}")) == ()


def test_a_tie_of_any_variable_keeps_the_run_from_starting_and_is_told_once():
    first = string("x", "Host", "one", {Kind.TENANT_TAG: ["Region/EU"]})
    second = string("y", "host", "two", {Kind.TENANT_TAG: ["Tier/Gold"]})
    tags = frozenset({"Region/EU", "Tier/Gold"})
    context = replace(IN_PRODUCTION, tenant="acme", tenant_tags=tags)
    result = planned(action("a1"), action("a2"), candidates=[*POOL_VALUES, first, second], context=context)
    problem = only_problem(result)
    assert problem.code is ProblemCode.TIED_VALUES
    assert problem.message == (
        "Two values of Host are equally specific for this run: one (Region/EU) and two (Tier/Gold)."
    )


def test_the_plan_keeps_the_values_that_its_steps_can_use():
    everywhere = string("x", "Host", "plain")
    for_step = string("y", "Host", "of step", {Kind.ACTION: ["a2"]})
    elsewhere = string("z", "Host", "other", {Kind.ENVIRONMENT: ["dev"]})
    result = planned(action("a1"), action("a2"), candidates=[*POOL_VALUES, everywhere, for_step, elsewhere])
    assert [one.id for one in result.candidates] == ["v2", "x", "y"]
    first, second = (step_values(result, step) for step in result.steps)
    assert (first["Host"].value, second["Host"].value) == ("plain", "of step")
    assert first["Project.WorkerPool"].value == "2"


def flow(*steps, left_out=(), candidates=POOL_VALUES, context=IN_PRODUCTION):
    """A plan of steps that are given with what is special about them."""
    plain = process(*[action(f"a{n}") for n in range(1, len(steps) + 1)])
    made = tuple(
        replace(
            one,
            actions=(replace(one.actions[0], **own.pop("action", {})),),
            **own,
        )
        for one, own in zip(plain.steps, [dict(step) for step in steps], strict=True)
    )
    return plan(
        process=ProcessDef(made),
        candidates=candidates,
        context=context,
        pools=POOLS,
        capacity=dict.fromkeys(POOLS, FREE),
        names=NAMES,
        left_out=left_out,
    )


def test_a_step_that_does_not_apply_is_skipped_with_the_reason_and_judged_no_further():
    bad = {"applies": Applies(environments=("dev",)), "properties": {SCRIPT_SYNTAX: "Cobol"}}
    result = flow({"action": bad}, {"action": {"applies": Applies(tenant_tags=("Region/EU",))}}, {})

    assert [step.skipped for step in result.steps] == [
        "Runs only in Development",
        "Runs only for tenants with Region/EU",
        None,
    ]
    assert result.problems == ()
    assert result.pool_ids == {"2"}


def test_what_is_left_out_is_skipped_and_a_required_step_cannot_be():
    result = flow({}, {}, left_out={"a1"})
    assert [step.skipped for step in result.steps] == ["Left out of this run", None]
    assert result.left_out == {"a1"}

    refused = flow({"action": {"is_required": True}}, {}, left_out={"a1"})
    assert only_problem(refused).code is ProblemCode.REQUIRED_STEP
    assert only_problem(refused).message == "Step 1 is required and cannot be left out."
    assert not refused.can_start


def test_a_condition_without_an_expression_keeps_the_run_from_starting():
    problem = only_problem(flow({"condition": Condition.VARIABLE, "expression": "  "}))
    assert (problem.code, problem.severity) == (ProblemCode.NO_EXPRESSION, Severity.ERROR)


def test_a_condition_on_what_has_no_value_is_warned_about_unless_the_run_will_know():
    known = "#{Octopus.Deployment.Error}#{Octopus.Action[Action a1].Output.x}#{Project.WorkerPool}"
    assert flow({"condition": Condition.VARIABLE, "expression": known}).problems == ()
    problem = only_problem(flow({"condition": Condition.VARIABLE, "expression": "#{Typo}"}))
    assert problem.message == (
        "The condition of step 1 refers to #{Typo}, which has no value. It counts as not true."
    )
    assert problem.severity is Severity.WARNING


WITH_PREVIOUS = {"start": Start.WITH_PREVIOUS}


def text_value(name, value):
    return Candidate("t1", name, VariableType.STRING, value)


def test_how_many_steps_run_beside_each_other_is_frozen():
    assert flow({}, WITH_PREVIOUS).abreast == 10
    three = [*POOL_VALUES, text_value("Octopus.Action.MaxParallelism", "3")]
    assert flow({}, WITH_PREVIOUS, candidates=three).abreast == 3


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "10000", "٣"])
def test_a_parallelism_that_makes_no_sense_is_an_error_where_it_counts(value):
    values = [*POOL_VALUES, text_value("Octopus.Action.MaxParallelism", value)]
    assert only_problem(flow({}, WITH_PREVIOUS, candidates=values)).code is ProblemCode.BAD_VALUE
    assert flow({}, {}, candidates=values).problems == ()


def test_steps_that_start_together_are_one_stage():
    steps = flow(WITH_PREVIOUS, WITH_PREVIOUS, {}, {}, WITH_PREVIOUS).steps
    assert [[one.number for one in stage] for stage in stages(steps)] == [[1, 2], [3], [4, 5]]
    found = {unit.number: unit.place for unit in units(steps, abreast=7)}
    assert found[3] == in_line(3)
    assert found[2] == Place(stage=1, step=2, lane=2, abreast=7)
    assert found[5] == Place(stage=4, step=5, lane=5, abreast=7)


def test_a_plan_of_before_has_no_conditions_and_goes_step_by_step():
    now = flow({}, {})
    data = now.to_json()
    for step in data["steps"]:
        for name in ("condition", "expression", "is_required", "start"):
            del step[name]
        for name in ("location", "target_tags", "targets", "targets_why", "window"):
            del step[name]
    del data["left_out"], data["abreast"]

    assert RunPlan.from_json(data) == now


def test_a_step_says_when_it_starts_and_under_which_condition():
    alone, beside, first = flow({}, {**WITH_PREVIOUS, "condition": Condition.ALWAYS}, {}).steps[:3]
    assert step_text(alone) == ""
    assert step_text(beside) == "together with the step before it; in any case"
    # The first one has none before it.
    assert step_text(flow(WITH_PREVIOUS).steps[0]) == step_text(first) == ""
