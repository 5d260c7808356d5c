from datetime import timedelta

import pytest

from common.times import ago_words, duration_words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.42, "0.4 s"),
        (7, "7 s"),
        (48.7, "48 s"),
        (60, "1 m 00 s"),
        (112, "1 m 52 s"),
        (7500, "2 h 05 m"),
        (timedelta(days=3, hours=4, minutes=59), "3 d 4 h"),
    ],
)
def test_duration_words(length, words):
    assert duration_words(length) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (4.9, "now"),
        (12, "12 s ago"),
        (400, "6 m ago"),
        (3600 * 5, "5 h ago"),
        (86400 * 12, "12 d ago"),
        (86400 * 100, "14 w ago"),
        (86400 * 800, "2 y ago"),
        (-3600 * 3, "in 3 h"),
    ],
)
def test_ago_words(seconds, words):
    assert ago_words(seconds) == words
