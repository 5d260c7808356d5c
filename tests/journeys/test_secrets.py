"""A run that does its worst with a secret: nothing that people or programs can read shows it."""

from __future__ import annotations

import base64
import json
import urllib.request
from urllib.parse import quote

import pytest
from django.utils import timezone

from accounts.services import api_keys
from domain.variables import VariableType
from tasks.models import Artifact, Attempt, OutputVariable, ServerTask, TaskState
from tasks.selectors import logs
from tests.harness import scenarios
from tests.harness.dump import database_text
from tests.harness.installation import Installation, wait_for
from variables.models import VariableSet
from variables.services import sealing, variable_sets
from variables.services.rows import Row

SECRET = 'pass "word" & ünïcode/4711'
MADE = "made-on-the-way-0815"
#: What would give either away: as it is, and as tools encode it.
FORMS = [
    form
    for secret in (SECRET, MADE)
    for form in (
        secret,
        base64.b64encode(secret.encode()).decode(),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    )
]
LEAK = """secret="$(get_octopusvariable "Api.Token")"
echo "plain $secret end"
for at in $(seq 0 $((${#secret} - 1))); do printf %s "${secret:$at:1}"; sleep 0.005; done; echo
echo "coded $(printf %s "$secret" | base64 -w0) $(printf 'user:%s' "$secret" | base64 -w0)"
echo "error $secret" >&2
echo 'expanded #{Api.Token} and #{Api.Url}'
set_octopusvariable "Carrier" "the token is $secret"
set_octopusvariable "Made" "$(printf 'made-%s-the-way-0815' on)" -sensitive
encode() { printf %s "$1" | base64 | tr -d '\\n'; }
printf 'file %s\\n' "$secret" > report.txt
echo "##octopus[createArtifact path='$(encode "$PWD/report.txt")' name='$(encode "report $secret.txt")']"
"""
AFTER = """echo 'carried #{Octopus.Action[Step 1].Output.Carrier} / #{Octopus.Action[Step 1].Output.Made}'
get_octopusvariable "Api.Token" | python3 -c 'import json, sys, urllib.parse
text = sys.stdin.read().rstrip("\\n")
print(json.dumps(text), urllib.parse.quote(text, safe=""))'
"""


@pytest.fixture(scope="module")
def task(installation: Installation) -> ServerTask:
    development = scenarios.environment(installation.space, "Development")
    pool = scenarios.pool(installation.space, "Secrets")
    installation.add_agent("secrets-01", pools=[pool])
    project = scenarios.project(installation.space, "Secrets", routes={development: pool})
    variable_set = VariableSet.objects.get(owner_kind="project", owner_id=project.pk)
    rows = [row_of(one) for one in variable_sets.candidates(variable_sets.freeze(variable_set))]
    rows += [
        Row(name="Api.Token", type=VariableType.SENSITIVE, value=SECRET),
        Row(name="Api.Url", value="https://example.org/?token=#{Api.Token | UriDataEscape}"),
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)
    started = scenarios.run(scenarios.runbook(project, "Leak it", [LEAK, AFTER]), development)

    def final() -> ServerTask | None:
        row = ServerTask.objects.get(pk=started.pk)
        return row if row.is_completed else None

    done = wait_for(final, seconds=60)
    assert (done.state, done.error_message) == (TaskState.SUCCESS, "")
    return done


def row_of(candidate) -> Row:
    return Row(
        id=int(candidate.id),
        name=candidate.name,
        type=candidate.type,
        value=candidate.value,
        scope=candidate.scope,
    )


def assert_hidden(text: str, where: str) -> None:
    found = [form for form in FORMS if form in text]
    assert not found, f"{where} shows {found}"


def test_the_log_shows_that_the_script_ran_and_not_the_secret(task):
    text = "\n".join(
        line.text
        for attempt in Attempt.objects.filter(execution__task=task)
        for line in logs.lines(attempt, 0, 10_000)
    )

    assert "plain ******** end" in text
    assert "carried ******** / ********" in text
    assert text.count("********") >= 8
    assert_hidden(text, "the log")


def test_the_database_holds_it_sealed_alone(task):
    assert_hidden(database_text(), "the database")
    made = OutputVariable.objects.get(name="Made")
    assert (made.is_sensitive, sealing.unseal(made.value)) == (True, MADE)
    assert OutputVariable.objects.get(name="Carrier").is_sensitive


def test_the_files_of_the_server_do_not_show_it(installation, task):
    assert Artifact.objects.filter(task=task).count() == 1
    for file in (installation.home / "media").rglob("*"):
        if file.is_file():
            assert_hidden(f"{file.name} {file.read_bytes().decode(errors='replace')}", str(file))


@pytest.mark.parametrize(
    "path",
    [
        "tasks/{task}",
        "tasks/{task}/details",
        "tasks/{task}/raw",
        "tasks/{task}/plan",
        "tasks/{task}/pool-trace",
        "tasks/{task}/attempts",
        "projects/secrets/variables",
        "events",
    ],
)
def test_the_api_does_not_show_it(installation, task, path):
    _, key = api_keys.create(owner=scenarios.administrator(), purpose="Look", now=timezone.now(), user=None)
    address = f"{installation.url}/api/{path.format(task=f'ServerTasks-{task.pk}')}"
    request = urllib.request.Request(address, headers={"X-Octopus-ApiKey": key})  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        assert_hidden(answer.read().decode(), path)
