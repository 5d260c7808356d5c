"""Searching logs: what is found, where, how often, and that no pattern can make it hang."""

from __future__ import annotations

import re
import time

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from protocol.log import Level, Stream
from tasks.models import Attempt, AttemptState
from tasks.selectors import log_search
from tasks.selectors.log_search import BadPattern, Query, matcher
from tasks.services import log_archives
from tests.factories import AttemptFactory
from tests.tasks.builders import numbered, page, run, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt() -> Attempt:
    attempt = AttemptFactory()
    write(
        attempt,
        [run(b"alpha\nbeta error\n"), run(b"careful\n", level=Level.WARNING)],
        [run(b"\x1b[31mErr\x1b[0mor\x1b[0m at 3\r\n", stream=Stream.STDERR, level=Level.ERROR), run(b"end")],
        [run(b" of it\n", continues=True), run("größe\n".encode(), level=Level.VERBOSE)],
    )
    attempt.refresh_from_db()
    return attempt


def hits(attempt: Attempt, text: str, **about) -> list[int]:
    result = log_search.search([attempt], Query(text, **about))
    assert result.is_whole
    assert result.count == len(result.found[0].hits)
    return result.found[0].hits


@pytest.mark.parametrize(
    ("text", "about", "found"),
    [
        ("error", {}, [1, 3]),
        ("error", {"is_case_sensitive": True}, [1]),
        ("Error at 3$", {"is_regex": True}, [3]),
        ("^(beta|end)", {"is_regex": True}, [1, 4]),
        ("^", {"is_regex": True}, [0, 1, 2, 3, 4, 5, 6]),
        ("$", {"is_regex": True}, [0, 1, 2, 3, 4, 5, 6]),
        ("a", {"is_regex": True, "is_case_sensitive": True}, [0, 1, 2, 3]),
        ("GRÖSSE", {}, []),
        ("GRÖßE", {}, [6]),
        (".", {}, []),
        ("e", {"levels": frozenset({"error", "warning"})}, [2, 3]),
        ("size", {}, []),
    ],
)
def test_what_is_found(attempt, text, about, found):
    assert hits(attempt, text, **about) == found


def test_an_archived_log_is_searched_as_well(attempt):
    before = hits(attempt, "e")
    Attempt.objects.filter(pk=attempt.pk).update(state=AttemptState.FINISHED)

    log_archives.archive(attempt, now=timezone.now())

    assert hits(attempt, "e") == before


@given(
    st.lists(st.text(alphabet="abA .*", max_size=6), min_size=1, max_size=12),
    st.text(alphabet="abA .*", min_size=1, max_size=3),
)
def test_plain_words_are_found_where_python_finds_them(lines, text):
    data = "".join(f"{line}\n" for line in lines).encode()
    expected = [number for number, line in enumerate(lines) if text.lower() in line.lower()]

    for query in (Query(text), Query(re.escape(text), is_regex=True)):
        assert matcher(query).lines(data) == expected
        assert matcher(query).count(data) == len(expected)


PIECES = (
    *(b"\x1b[31m", b"\x1b[0m", b"\x1b[1;31m", b"\x1b", b"\x1b[3", b"1m", b"\x1b]8;;x\x07"),
    *(b"\x07", b"[", b"a", b"\n"),
)


@given(data=st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_colours_are_taken_out_as_a_regular_expression_does(data):
    assert log_search._without_escapes(data) == log_search._ESCAPES.sub(b"", data)


NOISE = (b"\x1b[31m", b"\x1b", b"\x1b]8;;http://x/a\x07", b"\x07", b"\xff", b"\r\n", b"\n", b"a", b"b", b"B")


@given(data=st.lists(st.sampled_from(NOISE), max_size=30).map(b"".join), case=st.booleans())
def test_words_are_found_through_colours_links_and_broken_bytes(data, case):
    lines = log_search._readable(data).split(b"\n")
    expected = [number for number, line in enumerate(lines) if b"ab" in (line if case else line.lower())]

    words = matcher(Query("ab", is_case_sensitive=case))

    assert words.lines(data) == expected
    assert words.count(data) == len(expected)


def test_lines_of_one_level_are_numbered_as_in_the_whole_log():
    attempt = AttemptFactory()
    quiet, loud = (run(b"one\ntwo"), run(b"one\n", level=Level.WARNING))
    write(attempt, [quiet, loud, quiet, quiet, loud], [loud, quiet])
    attempt.refresh_from_db()

    assert hits(attempt, "one", levels=frozenset({"warning"})) == [2, 7, 8]
    assert hits(attempt, "one") == [0, 2, 3, 5, 7, 8, 9]


@pytest.mark.parametrize("text", ["", "a\nb", "x" * 501])
def test_what_cannot_be_searched_for_is_refused(text):
    with pytest.raises(BadPattern):
        matcher(Query(text))


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "[z-a]", "a{100000}"])
def test_a_pattern_that_is_none_is_refused_with_a_sentence(pattern):
    with pytest.raises(BadPattern, match="no regular expression"):
        matcher(Query(pattern, is_regex=True))


def test_a_catastrophic_pattern_takes_no_longer_than_others():
    attempt = AttemptFactory()
    write(attempt, [run(b"a" * 60_000 + b"\n")] * 5)
    attempt.refresh_from_db()
    begun = time.monotonic()

    assert hits(attempt, "(a+)+$x", is_regex=True) == []
    assert hits(attempt, "(a|aa)*b|(a|a?)+c", is_regex=True) == []

    assert time.monotonic() - begun < 5


def test_when_time_is_up_it_says_so(attempt):
    result = log_search.search([attempt], Query("e"), seconds=-1)

    assert not result.is_whole
    assert result.count == 0


def test_many_hits_are_counted_and_the_first_are_told(monkeypatch):
    monkeypatch.setattr(log_search, "MAX_HITS", 100)
    attempt = AttemptFactory()
    write(attempt, *numbered(1000, per_chunk=64))
    attempt.refresh_from_db()

    [found] = log_search.search([attempt], Query("line")).found

    assert found.count == 1000
    assert found.hits == list(range(100))


# --- The page and its script ----------------------------------------------------------------------


@pytest.fixture
def client(as_user, viewer):
    return as_user(viewer)


def url(name: str, attempt: Attempt) -> str:
    return reverse(name, args=[attempt.execution.task.pk])


def test_the_viewer_is_told_where(client, attempt):
    answer = client.get(url("task_hits", attempt), {"q": "error"}).json()

    assert answer["count"] == 2
    assert answer["whole"] is True
    assert answer["groups"] == [{"attempt": str(attempt.pk), "count": 2, "hits": [1, 3]}]


def test_only_the_step_that_was_asked_for_is_searched(client, attempt):
    number = attempt.execution.number

    assert client.get(url("task_hits", attempt), {"q": "error", "step": number}).json()["count"] == 2
    assert client.get(url("task_hits", attempt), {"q": "error", "step": number + 1}).json()["count"] == 0


def test_a_bad_pattern_is_an_answer_and_no_failure(client, attempt):
    response = client.get(url("task_hits", attempt), {"q": "(", "regex": "1"})

    assert response.status_code == 422
    assert "no regular expression" in response.json()["error"]


def test_the_page_shows_hits_with_the_lines_around_them(client, attempt):
    html = client.get(url("task_search", attempt), {"q": "careful"}).content.decode()

    assert ">1</b> line found" in html
    assert "beta error" in html
    assert "Error at 3" in html
    assert f"{url('task_detail', attempt)}#S{attempt.execution.number}L3" in html


def test_the_page_says_what_is_wrong_with_a_pattern(client, attempt):
    response = client.get(url("task_search", attempt), {"q": "(", "regex": "1"})

    assert response.status_code == 422
    assert "no regular expression" in response.content.decode()


def test_without_script_the_log_is_read_page_by_page(client, attempt):
    write(attempt, *numbered(2500))
    attempt.refresh_from_db()
    task, total = attempt.execution.task_id, attempt.log_lines
    number = attempt.execution.number

    def read(**query: int) -> tuple[list[str], list[str]]:
        html = page(client, "task_lines", task, number, **query)
        shown = re.findall(r'<span class="ln">(\d+)</span>', html)
        return shown, re.findall(r'href="\?from=(\d+)"', html)

    first, links = read()
    assert (first[0], first[-1], links) == ("1", "1000", ["1001"])
    last, links = read(**{"from": 2001})
    assert (last[0], last[-1], links) == ("2001", str(total), ["1001"])
    assert read(**{"from": 10**9})[0] == []
    for wrong in ({"from": "x"}, {"attempt": "S9"}):
        assert client.get(reverse("task_lines", args=[task, number]), wrong).status_code == 404
    assert client.get(reverse("task_lines", args=[task, 9])).status_code == 404


def test_an_empty_page_asks_what_to_search_for(client, attempt):
    response = client.get(url("task_search", attempt))

    assert response.status_code == 200
    assert "Type something" not in response.content.decode()
