"""The dashboard: its figures, what is where, what waits, what needs somebody, and the way to a first run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from octoworkers.selectors import attention, figures, matrix, pools, queue
from octoworkers.selectors.dashboard import Choice, Runs, dashboard
from octoworkers.selectors.periods import DAY, MONTH, PERIODS, WEEK
from octoworkers.selectors.progress import progress_of
from octoworkers.views.figures import figures as in_words
from tasks.models import StepState, TaskState
from tests.factories import (
    DefaultPoolFactory,
    DeploymentFactory,
    EnvironmentFactory,
    ExecutionFactory,
    MachineFactory,
    ProjectFactory,
    ReleaseFactory,
    RunbookFactory,
    ServerTaskFactory,
    SpaceFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from workers.models import Health

NOW = datetime(2026, 3, 10, 14, 20, tzinfo=UTC)


def ended(state=TaskState.SUCCESS, *, ago: timedelta, took: float = 60, now: datetime = NOW, **values):
    end = now - ago
    values.setdefault("environment", EnvironmentFactory())
    return ServerTaskFactory(
        state=state, started_at=end - timedelta(seconds=took), completed_at=end, queued_at=end, **values
    )


class TestPeriods:
    def test_a_day_is_24_hours_of_which_the_last_one_goes_on(self):
        starts = DAY.bar_starts(NOW)

        assert len(starts) == 24
        assert starts[-1] == datetime(2026, 3, 10, 14, tzinfo=UTC)
        assert starts[0] == datetime(2026, 3, 9, 15, tzinfo=UTC)

    def test_days_begin_at_midnight_on_the_servers_clock(self):
        with timezone.override("Europe/Berlin"):
            starts = MONTH.bar_starts(NOW)

        assert starts[-1] == datetime(2026, 3, 9, 23, tzinfo=UTC)
        assert len(starts) == 30

    @pytest.mark.parametrize("period", PERIODS.values())
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
    def test_starts_are_whole_hours_of_utc_and_grow(self, period, zone):
        with timezone.override(zone):
            starts = period.bar_starts(NOW)

        assert starts == sorted(set(starts))
        assert all(start.minute == 0 for start in starts)
        assert starts[-1] <= NOW


@pytest.mark.django_db
class TestFigures:
    def history(self, user, space, period=DAY):
        return figures.history(space, user, period, now=NOW)

    def test_runs_stand_in_the_hour_in_which_they_ended(self, viewer, space):
        ended(ago=timedelta(minutes=10))
        ended(ago=timedelta(minutes=30))
        ended(TaskState.FAILED, ago=timedelta(minutes=31))
        ended(TaskState.TIMED_OUT, ago=timedelta(hours=2))
        ended(TaskState.CANCELED, ago=timedelta(hours=2))

        bars = self.history(viewer, space).bars

        assert [(bar.ok, bar.bad) for bar in bars[-3:]] == [(0, 1), (1, 1), (1, 0)]
        assert sum(bar.ok + bar.bad for bar in bars[:-3]) == 0

    def test_rate_and_median_beside_those_of_the_period_before(self, viewer, space):
        for took in (10, 20, 90):
            ended(ago=timedelta(hours=1), took=took)
        ended(TaskState.FAILED, ago=timedelta(hours=1), took=500)
        ended(TaskState.CANCELED, ago=timedelta(hours=1), took=500)
        ended(ago=timedelta(hours=25), took=50)
        ended(TaskState.FAILED, ago=timedelta(hours=25))

        history = self.history(viewer, space)

        assert history.outcome.total == 5
        assert history.outcome.success_rate == 75
        assert history.outcome.median == pytest.approx(20, abs=0.01)
        assert history.rate_change == 25
        assert history.median_change == -30
        words = in_words(history)
        assert (words.rate, words.rate_change.words, words.median) == ("75", "+25.0", [("20", "s")])
        assert (words.median_change.words, words.median_change.is_better) == ("−30 s", True)

    def test_the_median_of_very_many_is_that_of_a_sample(self, viewer, space, monkeypatch):
        monkeypatch.setattr(figures, "SAMPLE", 5)
        for took in range(1, 22):
            ended(ago=timedelta(hours=1), took=took)

        assert self.history(viewer, space).outcome.median == pytest.approx(11, abs=4)

    def test_nothing_ended(self, viewer, space):
        history = self.history(viewer, space)

        assert history.outcome.success_rate is None
        assert history.outcome.median is None
        words = in_words(history)
        assert (words.rate, words.median, words.rate_change.words) == ("", [], "")
        assert words.axis == ["15:00", "21:00", "03:00", "09:00", "Now"]

    @pytest.mark.parametrize(
        ("period", "ago", "place"), [(WEEK, timedelta(hours=3), -2), (MONTH, timedelta(days=3), -4)]
    )
    def test_longer_periods_have_longer_bars(self, viewer, space, period, ago, place):
        ended(ago=ago)

        assert self.history(viewer, space, period).bars[place].ok == 1

    def test_other_spaces_do_not_count(self, viewer, space):
        other = SpaceFactory()
        ended(ago=timedelta(hours=1), space=other, environment=EnvironmentFactory(space=other))
        MachineFactory(space=other)

        assert self.history(viewer, space).outcome.total == 0
        assert figures.fleet(space, viewer).workers == 0

    def test_a_month_is_counted_once_a_minute(self, viewer, space, django_assert_num_queries):
        self.history(viewer, space, MONTH)
        with django_assert_num_queries(0):
            self.history(viewer, space, MONTH)
        cache.clear()
        with django_assert_num_queries(3):
            self.history(viewer, space, MONTH)

    def test_fleet(self, viewer, space):
        MachineFactory(slots=4, busy_slots=1)
        MachineFactory(slots=2, busy_slots=1, is_draining=True)
        MachineFactory(health=Health.UNAVAILABLE)
        MachineFactory(is_disabled=True)
        MachineFactory(health=Health.UNKNOWN, is_builtin=True)

        assert figures.fleet(space, viewer) == figures.Fleet(
            workers=3, online=2, lost=1, draining=1, slots=4, busy=2
        )


@pytest.mark.django_db
class TestQueue:
    def test_steps_first_and_then_tasks_in_the_order_of_the_queue(self, viewer, space):
        now = timezone.now()
        environment = EnvironmentFactory(name="Test")
        running = ServerTaskFactory(state=TaskState.EXECUTING, concurrency_key="a", environment=environment)
        tomorrow = ServerTaskFactory(start_at=now + timedelta(days=1), environment=environment)
        behind = ServerTaskFactory(concurrency_key="a", environment=environment)
        moved = ServerTaskFactory(concurrency_key="a", environment=environment, queue_rank=2)
        waits = ServerTaskFactory(state=TaskState.EXECUTING, environment=environment)
        step = ExecutionFactory(
            task=waits,
            state=StepState.WAITING,
            pool_id=7,
            waiting_for="SQL is full: 2 of 2 slots busy.",
            waiting_since=now - timedelta(minutes=5),
        )

        found = queue.queue(space, viewer, now=now)

        assert (found.running, found.total, found.oldest) == (1, 4, step.waiting_since)
        assert [entry.task for entry in found.entries] == [waits, moved, behind, tomorrow]
        reasons = ["".join(map(str, entry.words)) for entry in found.entries]
        behind_it = f"Behind task {running.pk}: they run one after the other."
        assert reasons[:3] == ["SQL is full: 2 of 2 slots busy. 1st in line.", behind_it, behind_it]
        assert reasons[3].startswith("Scheduled to start on ")
        assert [entry.line for entry in found.entries] == ["", "1st in line", "2nd in line", ""]
        assert found.by_pool == {7: 1}

    def test_a_task_alone_starts_any_moment(self, viewer, space):
        ServerTaskFactory()

        [entry] = queue.queue(space, viewer, now=timezone.now()).entries

        assert entry.words == ("It starts any moment.",)


@pytest.mark.django_db
class TestPools:
    def test_those_where_somebody_waits_come_first(self, viewer, space):
        quiet, full, empty = WorkerPoolFactory(), WorkerPoolFactory(), WorkerPoolFactory()
        MachineFactory(pools=[quiet], slots=4, busy_slots=1)
        MachineFactory(pools=[full], slots=2, busy_slots=2)

        cards, count = pools.pool_cards(space, viewer, waiting={full.pk: 3})

        assert count == 3
        assert [card.pool for card in cards] == [full, quiet, empty]
        assert [card.words for card in cards] == ["2 of 2 busy", "1 of 4 busy", "no workers"]
        assert [card.is_hot for card in cards] == [True, False, False]


@pytest.mark.django_db
class TestMatrix:
    def deploy(self, release, environment, state=TaskState.SUCCESS, tenant=None):
        place = {"environment": environment, "tenant": tenant}
        task = ServerTaskFactory(kind="Deploy", state=state, project_id=release.project_id, **place)
        return DeploymentFactory(release=release, environment=environment, task=task, tenant=tenant)

    def test_the_newest_release_of_each_environment(self, viewer, space):
        development, production = EnvironmentFactory(), EnvironmentFactory()
        project = ProjectFactory()
        old, new = ReleaseFactory(project=project), ReleaseFactory(project=project)
        self.deploy(old, development)
        latest = self.deploy(new, development, TaskState.FAILED)

        [row] = matrix.matrix(space, viewer).rows

        assert [cell.release for cell in row.cells] == [new, new]
        assert row.cells[0].deployments == [latest]
        assert row.cells[1].first is None
        assert [cell.environment for cell in row.cells] == [development, production]

    def test_one_tenants_success_does_not_hide_anothers_failure(self, viewer, space):
        environment, release = EnvironmentFactory(), ReleaseFactory()
        failed = self.deploy(release, environment, TaskState.FAILED, TenantFactory())
        succeeded = self.deploy(release, environment, TaskState.SUCCESS, TenantFactory())

        [row] = matrix.matrix(space, viewer).rows

        assert row.cells[0].deployments == [failed, succeeded]

    def test_projects_without_a_release_are_left_out(self, viewer, space):
        ProjectFactory()

        found = matrix.matrix(space, viewer)

        assert (found.rows, found.total, found.is_used) == ([], 0, False)

    def test_those_deployed_last_come_first_and_words_find_the_rest(self, viewer, space):
        environment = EnvironmentFactory()
        projects = [ProjectFactory(name=f"Project {letter}") for letter in "abcdefghijklmno"]
        releases = [ReleaseFactory(project=project) for project in projects]
        self.deploy(releases[13], environment)

        found = matrix.matrix(space, viewer)
        narrowed = matrix.matrix(space, viewer, words="PROJECT O")

        assert found.total == 15
        assert [row.project.name for row in found.rows[:3]] == ["Project n", "Project a", "Project b"]
        assert len(found.rows) == matrix.PROJECTS
        assert [row.project.name for row in narrowed.rows] == ["Project o"]
        assert matrix.matrix(space, viewer, words="nothing").is_used

    def test_queries_do_not_grow_with_projects(self, viewer, space, django_assert_num_queries):
        environments = [EnvironmentFactory() for _ in range(3)]
        for _ in range(5):
            release = ReleaseFactory()
            for environment in environments:
                self.deploy(release, environment)

        with django_assert_num_queries(7):
            matrix.matrix(space, viewer)


@pytest.mark.django_db
class TestProgress:
    def test_the_step_that_goes_on(self):
        task = ServerTaskFactory(state=TaskState.EXECUTING)
        ExecutionFactory(task=task, state=StepState.SUCCESS, pool_name="A")
        ExecutionFactory(task=task, state=StepState.SKIPPED)
        ExecutionFactory(task=task, state=StepState.RUNNING, pool_name="B", machine_name="b-1")
        ExecutionFactory(task=task)

        found = progress_of([task.pk])[task.pk]

        assert (found.number, found.steps, found.pool, found.worker) == (3, 4, "B", "b-1")
        assert found.words == "Step 3 of 4"

    def test_before_the_first_step(self):
        execution = ExecutionFactory(pool_name="A")

        found = progress_of([execution.task_id])[execution.task_id]

        assert (found.words, found.pool) == ("Starting", "A")


@pytest.mark.django_db
class TestAttention:
    SINCE = NOW - timedelta(days=1)

    def test_own_failures_after_which_nobody_ran_the_same_again(self, operator, viewer, space):
        mine = ended(TaskState.FAILED, ago=timedelta(hours=1), created_by=operator, concurrency_key="a")
        ended(TaskState.FAILED, ago=timedelta(hours=1), created_by=viewer)
        ended(TaskState.FAILED, ago=timedelta(days=3), created_by=operator)
        ended(
            TaskState.FAILED, ago=timedelta(hours=2), created_by=operator, concurrency_key="b", project_id=1
        )
        ended(TaskState.SUCCESS, ago=timedelta(hours=1), concurrency_key="b", project_id=1)

        found = attention.attention(space, operator, since=self.SINCE, lost=0)

        assert found.failed == [mine]
        assert found.count == 1

    def test_steps_of_unknown_outcome_concern_everybody_who_runs(self, operator, editor, space):
        task = ended(TaskState.FAILED, ago=timedelta(hours=1), created_by=operator)
        step = ExecutionFactory(task=task, state=StepState.UNKNOWN)

        for user in (operator, editor):
            found = attention.attention(space, user, since=self.SINCE, lost=0)
            assert (found.unknown, list(found.failed), found.count) == ([step], [], 1)

    def test_workers_that_are_gone(self, operator, space):
        gone = MachineFactory(health=Health.UNAVAILABLE)
        MachineFactory(health=Health.UNAVAILABLE, is_disabled=True)
        MachineFactory()

        found = attention.attention(space, operator, since=self.SINCE, lost=1)

        assert (found.lost, found.count) == ([gone], 1)

    def test_nothing_needs_a_viewer(self, viewer, space):
        MachineFactory(health=Health.UNAVAILABLE)

        assert attention.attention(space, viewer, since=self.SINCE, lost=1).count == 0


class TestChoice:
    def test_what_makes_no_sense_is_passed_over(self):
        assert Choice.of({"period": "1y", "runs": "theirs"}) == Choice()
        given = {"period": "7d", "runs": "failed", "q": " ord\0ers "}
        assert Choice.of(given) == Choice(WEEK, Runs.FAILED, "orders")


@pytest.mark.django_db
class TestPage:
    def test_first_run_shows_what_is_done(self, as_user, administrator, space):
        DefaultPoolFactory(space=space)
        client = as_user(administrator)

        empty = client.get("/")
        assert [errand.is_done for errand in empty.context["board"].checklist] == [False] * 4
        assert "Your first run" in empty.content.decode()
        assert "Recent runs" not in empty.content.decode()

        MachineFactory(pools=[WorkerPoolFactory()])
        RunbookFactory(project=ProjectFactory())
        nearly = client.get("/").context["board"].checklist
        assert [errand.is_done for errand in nearly] == [True, True, True, False]
        assert [errand.is_next for errand in nearly] == [False, False, False, True]

        ServerTaskFactory()
        assert client.get("/").context["board"].checklist == []

    def test_first_run_offers_a_viewer_nothing_to_click(self, as_user, viewer):
        assert [errand.url for errand in as_user(viewer).get("/").context["board"].checklist] == [""] * 4

    @pytest.mark.parametrize(("runs", "expected"), [("all", 3), ("mine", 1), ("failed", 2), ("odd", 3)])
    def test_recent_runs_can_be_narrowed(self, as_user, operator, runs, expected):
        ServerTaskFactory(created_by=operator, state=TaskState.FAILED)
        ServerTaskFactory(state=TaskState.TIMED_OUT)
        ServerTaskFactory()

        board = as_user(operator).get("/", {"runs": runs}).context["board"]

        assert len(board.recent) == expected

    def test_no_failure_is_not_a_first_run(self, as_user, operator):
        ServerTaskFactory(state=TaskState.SUCCESS)

        response = as_user(operator).get("/", {"runs": "failed"})

        assert response.context["board"].checklist == []
        assert "No run has failed" in response.content.decode()

    def test_live_refresh_gets_the_part_that_lives(self, as_user, operator):
        ServerTaskFactory(name="Nightly")

        response = as_user(operator).get("/", headers={"HX-Request": "true"})

        text = response.content.decode()
        assert text.strip().startswith('<p id="dashboard-summary" hx-swap-oob="true">')
        assert 'id="dashboard"' in text
        assert "<html" not in text
        assert "HX-Request" in response.headers["Vary"]

    def test_names_are_text(self, as_user, operator):
        task = ServerTaskFactory(name="<b>bold</b>")
        ExecutionFactory(task=task, pool_name="<u>pool</u>")

        text = as_user(operator).get("/").content.decode()

        assert "&lt;b&gt;bold" in text
        for tag in ("<b>bold", "<u>pool"):
            assert tag not in text

    def test_deploy_is_offered_to_those_who_may(self, as_user, operator, viewer):
        environment, release = EnvironmentFactory(), ReleaseFactory()
        url = reverse("release_deploy", args=[release.project.slug, release.version])

        assert f'href="{url}?environments={environment.pk}"' in as_user(operator).get("/").content.decode()
        assert url not in as_user(viewer).get("/").content.decode()

    def test_other_spaces_stay_apart(self, as_user, administrator, space):
        other = SpaceFactory(slug="other")
        far = EnvironmentFactory(space=other)
        ServerTaskFactory(space=other, environment=far, name="Far task")
        release = ReleaseFactory(project=ProjectFactory(space=other, name="Far project"))
        DeploymentFactory(release=release, environment=far)
        MachineFactory(space=other, health=Health.UNAVAILABLE, name="far-01")
        WorkerPoolFactory(space=other, name="Far pool")

        text = as_user(administrator).get("/").content.decode()

        assert "far" not in text.casefold()

    def test_a_stranger_is_sent_to_sign_in(self, client, space):
        assert client.get("/").status_code == 302

    def test_query_count(self, as_user, administrator, space, django_assert_max_num_queries):
        """Whatever there is: this is the page that everybody has open."""
        busy(administrator)
        client = as_user(administrator)

        with django_assert_max_num_queries(44):
            client.get("/")


def busy(user) -> None:
    """A bit of everything that the dashboard shows."""
    now = timezone.now()
    environments = [EnvironmentFactory() for _ in range(3)]
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool])
    MachineFactory(pools=[pool], health=Health.UNAVAILABLE)
    for number in range(4):
        release = ReleaseFactory()
        for environment in environments:
            tenant = TenantFactory() if number == 0 else None
            place = {"environment": environment, "tenant": tenant}
            task = ended(ago=timedelta(minutes=5), now=now, project_id=release.project_id, **place)
            ExecutionFactory(task=task, state=StepState.SUCCESS, pool_name=pool.name)
            DeploymentFactory(release=release, environment=environment, task=task, tenant=tenant)
    ended(TaskState.FAILED, ago=timedelta(minutes=5), now=now, environment=environments[0], created_by=user)
    waits = ServerTaskFactory(state=TaskState.EXECUTING, environment=environments[0])
    ExecutionFactory(task=waits, state=StepState.WAITING, pool_id=pool.pk, waiting_since=now)
    ServerTaskFactory(environment=environments[0])


@pytest.mark.django_db
def test_dashboard_is_put_together(administrator, space):
    busy(administrator)

    board = dashboard(space, administrator, Choice(), now=timezone.now())

    assert board.history.outcome.total == 13
    assert (board.queue.running, board.queue.total) == (0, 2)
    assert len(board.matrix.rows) == 4
    assert board.attention.count == 2
    assert board.recent[0].task.state == TaskState.QUEUED
    assert [card.waiting for card in board.pools] == [1]
