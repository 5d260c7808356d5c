import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from common.statuses import FAMILIES, Kind, status_of

SPRITE = re.findall(r'symbol id="([^"]+)"', Path(finders.find("ui/icons.svg")).read_text())
EVERY = [status for states in FAMILIES.values() for status in states.values()]


@pytest.mark.parametrize("spelling", ["LostContact", "LOST_CONTACT", "lost contact", "lost-contact"])
def test_any_spelling_of_a_state_is_known(spelling):
    assert status_of(spelling).label == "Lost contact"


def test_unknown_means_something_else_for_a_worker():
    assert status_of("Unknown").kind is Kind.WARN
    assert status_of("Unknown", family="health").kind is Kind.IDLE


def test_a_state_that_nobody_described_is_shown_by_its_own_words():
    status = status_of("Hibernating")
    assert (status.label, status.kind) == ("Hibernating", Kind.IDLE)


def test_both_spellings_of_cancelled():
    assert status_of("Canceled") == status_of("cancelled")


@pytest.mark.parametrize("status", EVERY, ids=lambda status: status.label)
def test_every_icon_is_in_the_sprite(status):
    assert status.icon in SPRITE
