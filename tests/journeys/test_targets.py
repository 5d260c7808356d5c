"""Steps on deployment targets and on behalf of them, with a real server and real agents."""

from __future__ import annotations

import pytest
from django.utils import timezone

from domain.processes import PARENT_STEP, SCRIPT_BODY, SCRIPT_SYNTAX
from domain.runs import Answer
from domain.scopes import Kind, Scope
from domain.step_rules import Condition
from processes.models import Location
from processes.services import processes
from processes.services.steps import StepFields
from runbooks.services import runbooks, runs, snapshots
from tasks.models import ServerTask, StepState, TaskState
from tasks.selectors import logs
from tasks.services import interruptions
from tasks.services.options import Wishes
from tests.harness import scenarios
from tests.harness.installation import Installation, wait_for
from variables.services import variable_sets
from variables.services.rows import Row
from workers.models import Machine
from workers.services.targets import Registration

TARGETS = 5
WINDOW = 2


@pytest.fixture(scope="module")
def place(installation: Installation):
    """Five targets in one environment, and a worker that is none."""
    space = installation.space
    development = scenarios.environment(space, "Development")
    pool = scenarios.pool(space, "Workers")
    installation.add_agent("worker", pools=[pool])
    for number in range(1, TARGETS + 1):
        tags = ["web", "canary"] if number == 1 else ["web"]
        target = Registration(environments=[development], tags=tags)
        installation.add_agent(f"web-{number}", slots=1, target=target)
    project = scenarios.project(space, "Shop", routes={development: pool})
    return project, development, pool


def give_values(project):
    """A value that the canary has, one that a single target has, and one for all others."""
    variable_set = variable_sets.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)
    fourth = Machine.objects.get(name="web-4")
    scopes = {
        "most": Scope(),
        "canary": Scope.of({Kind.ROLE: ["canary"]}),
        "fourth": Scope.of({Kind.MACHINE: [fourth.pk]}),
    }
    rows = [Row(name="Greeting", value=text, scope=scope) for text, scope in scopes.items()]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows, user=None)


def run(place, name: str, steps: list[StepFields], **more) -> ServerTask:
    return ended(start(place, name, steps, **more))


def ended(task: ServerTask) -> ServerTask:
    def over() -> ServerTask | None:
        task.refresh_from_db()
        return task if task.is_completed else None

    return wait_for(over, seconds=60)


def start(
    place,
    name: str,
    steps: list[StepFields],
    *,
    children: dict[int, list[StepFields]] | None = None,
    guided: bool = False,
) -> ServerTask:
    """`children` by the place of the step that holds them."""
    project, environment, _ = place
    user = scenarios.administrator()
    made = runbooks.create(project=project, name=name, user=user)
    process = processes.get_or_create(owner_kind="runbook", owner_id=made.pk, space=project.space)
    for at, fields in enumerate(steps):
        processes.add_step(
            process=process,
            version=process.version,
            fields=fields,
            user=user,
            children=(children or {}).get(at, ()),
        )
        process.refresh_from_db()
    snapshots.publish(runbook=made, user=user)
    made.refresh_from_db()
    [task] = runs.run(
        runbook=made,
        snapshot=made.published,
        environments=[environment],
        user=user,
        now=timezone.now(),
        wishes=Wishes(guided_failure=guided),
    )
    return task


def step(name: str, script: str, location: Location, **fields) -> StepFields:
    return StepFields(
        name=name,
        properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"},
        location=location,
        target_tags=("WEB",),
        **fields,
    )


def printed(task: ServerTask, name: str) -> dict[str, list[str]]:
    """What the units of a step printed, by target."""
    found = {}
    for unit in task.executions.filter(name=name):
        attempt = unit.attempts.get()
        lines = logs.lines(attempt.pk, 0, attempt.log_lines)
        found[unit.target_name] = [logs.plain(line.text) for line in lines]
    return found


def test_rolling_over_five_targets_two_at_a_time(place, tmp_path):
    at_work, most = tmp_path / "at-work", tmp_path / "most"
    at_work.mkdir()
    script = f"""touch {at_work}/$$
ls {at_work} | wc -l >> {most}
sleep 0.6
rm {at_work}/$$
"""
    task = run(place, "Roll", [step("Deploy", script, Location.TARGET, window=WINDOW)])

    units = list(task.executions.select_related("machine"))
    assert task.state == TaskState.SUCCESS
    assert [one.target_name for one in units] == [f"web-{number}" for number in range(1, TARGETS + 1)]
    assert all(one.machine.name == one.target_name for one in units)
    counts = [int(line) for line in most.read_text().split()]
    assert (len(counts), max(counts)) == (TARGETS, WINDOW)


def parent(name: str, **fields) -> StepFields:
    return StepFields(name=name, action_type=PARENT_STEP, target_tags=("web",), **fields)


def test_all_children_run_on_a_target_before_the_window_moves_on(place, tmp_path):
    """Two children over five targets, two targets at a time, as their scripts saw it."""
    told, at_work = tmp_path / "told", tmp_path / "at-work"
    at_work.mkdir()
    name = "#{Octopus.Machine.Name}"
    out = f"""touch {at_work}/{name}
echo "out {name} $(ls {at_work} | wc -l)" >> {told}
sleep 0.3
set_octopusvariable Was "{name}"
"""
    seen = "#{Octopus.Action[Take out].Output.Was} #{Octopus.Action.Number}"
    back = f"""echo "back {name} {seen}" >> {told}
rm {at_work}/{name}
"""
    children = [step("Take out", out, Location.TARGET), step("Put back", back, Location.TARGET)]
    prepare = StepFields(name="Prepare", properties={SCRIPT_BODY: "true"}, worker_pool=place[2])

    task = run(place, "Rolling", [prepare, parent("Roll out", window=WINDOW)], children={1: children})

    assert task.state == TaskState.SUCCESS, task.error_message
    lines = [line.split() for line in told.read_text().splitlines()]
    assert len(lines) == TARGETS * 2
    for number in range(1, TARGETS + 1):
        of_target = [line for line in lines if line[1] == f"web-{number}"]
        assert [line[0] for line in of_target] == ["out", "back"]
        # The second child sees the output of the first one on the same target.
        assert of_target[1][2:] == [f"web-{number}", "2"]
    assert max(int(line[2]) for line in lines if line[0] == "out") <= WINDOW
    # A target begins when another one is done with both children.
    open_targets = 0
    for word, *_ in lines:
        open_targets += 1 if word == "out" else -1
        assert open_targets <= WINDOW
    units = task.executions.values_list("step_label", "parent_name", "target_name")
    assert list(units)[:4] == [
        ("1", "", ""),
        ("2.1", "Roll out", "web-1"),
        ("2.2", "Roll out", "web-1"),
        ("2.1", "Roll out", "web-2"),
    ]


def test_a_failed_child_lets_the_one_that_cleans_up_run_and_no_target_begins(place, tmp_path):
    told = tmp_path / "told"
    broken = step("Break", f"echo broke >> {told}\nexit 3", Location.TARGET)
    after = step("After", f"echo after >> {told}", Location.TARGET)
    tidy = step("Tidy", f"echo tidied >> {told}", Location.TARGET, condition=Condition.FAILURE)

    task = run(place, "Break", [parent("Try", window=1)], children={0: [broken, after, tidy]})

    assert task.state == TaskState.FAILED
    assert told.read_text().split() == ["broke", "tidied"]


def test_no_target_begins_after_a_failure_and_what_has_begun_ends(place, tmp_path):
    proof = tmp_path / "ran"
    script = f"""echo #{{Octopus.Machine.Name}} >> {proof}
sleep 0.3
test #{{Octopus.Machine.Name}} != web-1
"""
    task = run(place, "Fail", [step("Deploy", script, Location.TARGET, window=1)])

    assert task.state == TaskState.FAILED
    assert proof.read_text().split() == ["web-1"]
    states = list(task.executions.values_list("state", flat=True))
    assert states == [StepState.FAILED] + [StepState.SKIPPED] * (TARGETS - 1)


def test_on_behalf_of_each_target_with_its_values_and_outputs(place):
    project, _, pool = place
    give_values(project)
    script = """echo "#{Greeting} $(get_octopusvariable Octopus.Machine.Name) #{Octopus.Machine.Roles}"
set_octopusvariable Seen "#{Octopus.Machine.Name}"
"""
    read = 'echo "#{Octopus.Action[Tell].Output[web-3].Seen} #{Octopus.Environment.MachinesInRole[canary]}"'
    after = StepFields(name="Read", properties={SCRIPT_BODY: read}, worker_pool=pool)
    task = run(place, "Tell", [step("Tell", script, Location.ON_BEHALF, worker_pool=pool), after])

    assert task.state == TaskState.SUCCESS, task.error_message
    told = printed(task, "Tell")
    assert {name: lines[0] for name, lines in told.items()} == {
        "web-1": "canary web-1 canary,web",
        "web-2": "most web-2 web",
        "web-3": "most web-3 web",
        "web-4": "fourth web-4 web",
        "web-5": "most web-5 web",
    }
    machines = {one.machine.name for one in task.executions.select_related("machine")}
    assert machines == {"worker"}
    assert printed(task, "Read")[""] == ["web-3 web-1"]


def test_an_excluded_target_takes_no_more_part_in_the_run(place, tmp_path):
    told = tmp_path / "told"
    first = f"""echo "first #{{Octopus.Machine.Name}}" >> {told}
test #{{Octopus.Machine.Name}} != web-2
"""
    second = f"""echo "second #{{Octopus.Machine.Name}}" >> {told}"""
    children = [step("First", first, Location.TARGET), step("Second", second, Location.TARGET)]
    task = start(place, "Exclude", [parent("Guided", window=1)], children={0: children}, guided=True)
    question = wait_for(lambda: task.interruptions.filter(closed_at=None).first(), seconds=60)

    interruptions.answer(
        question,
        answer=Answer.EXCLUDE,
        notes="",
        user=scenarios.administrator(),
        now=timezone.now(),
    )

    assert ended(task).state == TaskState.SUCCESS
    seen = told.read_text().splitlines()
    assert "first web-2" in seen
    assert "second web-2" not in seen
    assert seen[-1] == "second web-5"
    states = dict(task.executions.filter(target_name="web-2").values_list("name", "state"))
    assert states == {"First": StepState.IGNORED, "Second": StepState.SKIPPED}
