import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.targets import BadTag, clean_tags, tag_key, tags_in


def test_tags_count_once_in_the_spelling_that_came_first():
    assert clean_tags([" web ", "WEB", "", "data  base"]) == ("web", "data base")
    assert tags_in("web, database ,web,") == ("web", "database")


@pytest.mark.parametrize("text", ["a,b", "x" * 101, "a\x00b"])
def test_what_cannot_be_a_tag_is_refused(text):
    with pytest.raises(BadTag):
        clean_tags([text])


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)))
def test_cleaning_twice_changes_nothing(texts):
    cleaned = clean_tags(texts)

    assert clean_tags(cleaned) == cleaned
    assert len({tag_key(tag) for tag in cleaned}) == len(cleaned)
