"""HTTP request: what is wrong with its settings, and what the worker is given."""

from __future__ import annotations

import json

import pytest

from domain import step_types
from domain.step_types import Program, http
from domain.step_types.http import HTTP_ACTION, BadSetting, headers, json_checks, statuses

HTTP = step_types.find(HTTP_ACTION)
PLAIN = {http.URL: "https://#{Host}/health"}


def test_what_is_whole_has_no_faults():
    assert list(HTTP.faults(PLAIN)) == []
    assert HTTP.needs(PLAIN) == ("step-programs",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({http.URL: ""}, "cannot send its request. Enter the address."),
        ({http.URL: "db/health"}, "cannot send its request. The address has to begin with"),
        ({http.URL: "https://app:geheim@db/"}, "cannot send its request. The address has a password in it."),
        ({http.METHOD: "TRACE"}, 'has the method "TRACE"'),
        ({http.HEADERS: "no header"}, 'has a setting that cannot be read. "no header"'),
        ({http.STATUS: "99"}, 'has a setting that cannot be read. "99"'),
        ({http.STATUS: "300-200"}, "has a setting that cannot be read."),
        ({http.JSON_CHECKS: "a..b = 1"}, "has a setting that cannot be read."),
        ({http.TIMEOUT: "0"}, 'waits "0" seconds'),
        ({http.TIMEOUT: "3601"}, 'waits "3601" seconds'),
    ],
)
def test_each_fault_is_said(changes, sentence):
    [fault] = HTTP.faults(PLAIN | changes)

    assert fault.sentence.startswith(sentence)
    assert "geheim" not in fault.sentence


def test_lists_are_read():
    assert headers("Accept: a/b\n\nX-Y:  #{Z} ") == [("Accept", "a/b"), ("X-Y", "#{Z}")]
    assert statuses("200-299, 404") == [(200, 299), (404, 404)]
    assert json_checks("$.a[0].b = x = y\nready\n[2]=") == [
        (["a", 0, "b"], "x = y"),
        (["ready"], None),
        ([2], ""),
    ]


@pytest.mark.parametrize("text", ["a b", "[x]", "a[", "a]"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(BadSetting):
        json_checks(text)


def test_values_become_neither_headers_nor_checks():
    evil = "1\nX-Evil: 2"
    work = HTTP.work(
        {**PLAIN, http.HEADERS: "X: #{V}", http.JSON_CHECKS: "a = #{V}"},
        lambda text: text.replace("#{V}", evil),
    )

    assert isinstance(work, Program)
    assert json.loads(work.inputs["headers"]) == [["X", evil]]
    assert json.loads(work.inputs["checks"]) == [[["a"], evil]]
    assert (work.inputs["method"], work.inputs["statuses"], work.inputs["timeout"]) == (
        "GET",
        "[[200, 299]]",
        "60",
    )
