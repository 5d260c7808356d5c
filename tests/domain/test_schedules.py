from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.schedules import (
    ALL_DAYS,
    INTERVALS,
    LAST_DAY,
    MONDAY_TO_FRIDAY,
    BadSchedule,
    Schedule,
    ScheduleKind,
    check,
    following,
    next_times,
    sentence,
    upcoming,
)

BERLIN = "Europe/Berlin"
ZONE = ZoneInfo(BERLIN)
BEFORE_SPRING = datetime(2026, 3, 28, 12, tzinfo=ZONE)
BEFORE_AUTUMN = datetime(2026, 10, 24, 12, tzinfo=ZONE)


def daily(at: time = time(2, 0), days: frozenset[int] = ALL_DAYS, timezone: str = BERLIN) -> Schedule:
    return Schedule(ScheduleKind.DAYS, timezone, at=at, days=days)


def every(minutes: int) -> Schedule:
    return Schedule(ScheduleKind.EVERY, BERLIN, minutes=minutes)


def monthly(*days: int) -> Schedule:
    return Schedule(ScheduleKind.MONTH_DAYS, BERLIN, at=time(2, 0), month_days=frozenset(days))


def cron(text: str, timezone: str = BERLIN) -> Schedule:
    return Schedule(ScheduleKind.CRON, timezone, cron=text)


def local(schedule: Schedule, after: datetime, count: int) -> list[str]:
    return [f"{one:%m-%d %H:%M%z}" for one in next_times(schedule, after=after, count=count)]


def test_a_time_that_the_clocks_leave_out_moves_to_where_they_jump() -> None:
    schedule = daily(time(2, 30))

    assert local(schedule, BEFORE_SPRING, 3) == ["03-29 03:00+0200", "03-30 02:30+0200", "03-31 02:30+0200"]


def test_a_time_that_the_clocks_show_twice_counts_once() -> None:
    schedule = daily(time(2, 30))

    assert local(schedule, BEFORE_AUTUMN, 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]
    second = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZONE)
    assert local(schedule, second, 1) == ["10-26 02:30+0100"]


def test_times_that_fall_together_in_the_hour_left_out_count_once() -> None:
    assert local(cron("0,20,40 2,3 * * *"), BEFORE_SPRING, 4) == [
        "03-29 03:00+0200",
        "03-29 03:20+0200",
        "03-29 03:40+0200",
        "03-30 02:00+0200",
    ]


@pytest.mark.parametrize("schedule", [every(15), cron("*/15 * * * *"), cron("0,15,30,45 0-23 * * *")])
@pytest.mark.parametrize("after", [BEFORE_SPRING, BEFORE_AUTUMN])
def test_what_runs_every_hour_runs_on_through_a_change_of_clocks(schedule: Schedule, after: datetime) -> None:
    times = list(islice(upcoming(schedule, after=after), 100))

    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(minutes=15)}


def test_hours_are_those_of_the_clock() -> None:
    assert local(every(360), BEFORE_AUTUMN, 3) == ["10-24 18:00+0200", "10-25 00:00+0200", "10-25 06:00+0100"]


def test_a_zone_that_jumps_at_midnight() -> None:
    before = datetime(2026, 4, 23, 12, tzinfo=ZoneInfo("Africa/Cairo"))

    assert local(daily(time(0, 0), timezone="Africa/Cairo"), before, 2) == [
        "04-24 01:00+0300",
        "04-25 00:00+0300",
    ]


def test_weekdays_begin_on_monday() -> None:
    friday = datetime(2026, 12, 4, 12, tzinfo=ZONE)

    assert local(daily(days=MONDAY_TO_FRIDAY), friday, 2) == ["12-07 02:00+0100", "12-08 02:00+0100"]
    assert local(daily(days=frozenset({7})), friday, 1) == ["12-06 02:00+0100"]


def test_days_of_the_month_that_a_month_lacks_are_passed_over() -> None:
    january = datetime(2026, 1, 30, tzinfo=ZONE)

    assert local(monthly(31), january, 2) == ["01-31 02:00+0100", "03-31 02:00+0200"]
    assert local(monthly(LAST_DAY), january, 2) == ["01-31 02:00+0100", "02-28 02:00+0100"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 06 * * Mon-Fri", "06-01 06:00+0200"),
        ("0 6 * * 1-5", "06-01 06:00+0200"),
        ("0 15 10 ? * FRIL", "06-26 10:15+0200"),
        ("0 0 6 ? * MON#2", "06-08 06:00+0200"),
        ("0 0 6 L * ?", "05-31 06:00+0200"),
        ("0 0 6 LW 6 ?", "06-30 06:00+0200"),
        ("0 6 * * 7", "05-31 06:00+0200"),
    ],
)
def test_cron_with_five_and_six_fields(text: str, expected: str) -> None:
    after = datetime(2026, 5, 29, 12, tzinfo=ZONE)

    assert local(cron(text), after, 1) == [expected]


def test_the_second_of_a_cron_expression() -> None:
    after = datetime(2026, 5, 29, 6, 0, 10, tzinfo=UTC)

    [first, second] = islice(upcoming(cron("30 0 6 * * *", "UTC"), after=after), 2)

    assert first == datetime(2026, 5, 29, 6, 0, 30, tzinfo=UTC)
    assert second - first == timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "field", "words"),
    [
        (cron("* * * * * *"), "cron", "at most once a minute"),
        (cron("0 0 6 1 1 ? 2027"), "cron", "Leave out the year"),
        (cron("0 6 * *"), "cron", "This has 4 fields"),
        (cron(" "), "cron", "Write an expression"),
        (cron("0 0 6 15W * ?"), "cron", "nearest"),
        (cron("61 * * * *"), "cron", "The minute '61' is not valid. Possible are 0 to 59."),
        (cron("0 6 * * 8"), "cron", "day of week"),
        (cron("0 6 31 2,4 *"), "cron", "No month that this names has a day 31."),
        (cron("0 6 * * 1", "Europe/Nowhere"), "timezone", "no time zone"),
        (cron("0 6 * * 1", "../etc/passwd"), "timezone", "no time zone"),
        (cron("0 6 * * 1", ""), "timezone", "no time zone"),
        (daily(days=frozenset()), "days", "Choose at least one day."),
        (monthly(), "month_days", "Choose at least one day of the month."),
        (every(7), "minutes", "Choose one of the intervals"),
    ],
)
def test_what_cannot_be_a_schedule_says_why(schedule: Schedule, field: str, words: str) -> None:
    with pytest.raises(BadSchedule) as problem:
        check(schedule)

    assert problem.value.field == field
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (daily(), "Every day at 02:00 Europe/Berlin"),
        (daily(days=MONDAY_TO_FRIDAY), "Every weekday at 02:00 Europe/Berlin"),
        (daily(days=frozenset({6, 7})), "Every Saturday and Sunday at 02:00 Europe/Berlin"),
        (monthly(1, 15, LAST_DAY), "On the 1st, 15th and last day of each month at 02:00 Europe/Berlin"),
        (monthly(2, 31), "On the 2nd and 31st of each month that has it, at 02:00 Europe/Berlin"),
        (every(1), "Every minute"),
        (every(15), "Every 15 minutes"),
        (every(60), "Every hour"),
        (every(240), "Every 4 hours from 00:00 Europe/Berlin"),
        (cron("0 0 6 ? * MON-FRI"), "At 06:00 on Monday through Friday, Europe/Berlin"),
        (cron("15 0 6 * * *"), "At 06:00:15 every day, Europe/Berlin"),
    ],
)
def test_sentences(schedule: Schedule, words: str) -> None:
    assert sentence(schedule) == words


ZONES = st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
SCHEDULES = st.one_of(
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.DAYS),
        timezone=ZONES,
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        days=st.frozensets(st.integers(1, 7), min_size=1),
    ),
    st.builds(Schedule, kind=st.just(ScheduleKind.EVERY), timezone=ZONES, minutes=st.sampled_from(INTERVALS)),
)
MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(SCHEDULES, MOMENTS)
def test_times_rise_and_can_be_taken_one_by_one(schedule: Schedule, after: datetime) -> None:
    times = list(islice(upcoming(schedule, after=after), 5))

    one_by_one = [after]
    for _ in times:
        found = following(schedule, after=one_by_one[-1])
        assert found is not None
        one_by_one.append(found)
    assert one_by_one[1:] == times
    assert all(earlier < later for earlier, later in pairwise(one_by_one))


@given(SCHEDULES, MOMENTS)
def test_no_gap_is_longer_than_the_schedule_allows(schedule: Schedule, after: datetime) -> None:
    first, second = islice(upcoming(schedule, after=after), 2)

    longest = timedelta(days=7) if schedule.kind is ScheduleKind.DAYS else timedelta(minutes=schedule.minutes)
    # A change of clocks adds an hour.
    assert first - after <= longest + timedelta(hours=1)
    assert second - first <= longest + timedelta(hours=1)
