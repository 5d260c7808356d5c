from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import HTTP_ACTION, ON_SERVER, RUN_ON_SERVER
from domain.step_types import http as names
from domain.step_types.http import (
    DEFAULT_STATUS,
    MOST_SECONDS,
    BadSetting,
    Method,
    headers,
    json_checks,
    statuses,
    url_fault,
)
from processes.action_types.base import ActionType
from processes.action_types.worker import WorkerForm

_LONGEST = 20_000
_LONGEST_BODY = 1_000_000
_TEXTS = {
    "url": names.URL,
    "headers": names.HEADERS,
    "body": names.BODY,
    "expected_status": names.STATUS,
    "expected_text": names.CONTAINS,
    "expected_json": names.JSON_CHECKS,
}
_FLAGS = {"on_server": ON_SERVER, "hide_answer": names.HIDE, "skip_certificate": names.UNCHECKED}


def _lines(label: str, *, longest: int = _LONGEST, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(required=False, max_length=longest, widget=widget, label=label)


class HttpForm(WorkerForm):
    """HTTP request: one request from a worker, and what its answer has to be."""

    method = forms.ChoiceField(
        required=False, choices=[(one, one.value) for one in Method], initial=Method.GET, label="Method"
    )
    url = forms.CharField(required=False, max_length=2000, label="Address")
    headers = _lines("Headers")
    body = _lines("Body", longest=_LONGEST_BODY, rows=6)
    expected_status = forms.CharField(required=False, max_length=200, label="Expected status")
    expected_text = forms.CharField(required=False, max_length=2000, label="Text in the answer")
    expected_json = _lines("Values in JSON")
    answer_timeout = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_SECONDS, label="Seconds for the answer"
    )
    on_server = forms.BooleanField(required=False, label="Send it from the server")
    hide_answer = forms.BooleanField(required=False, label="Keep the answer out of the log")
    skip_certificate = forms.BooleanField(required=False, label="Do not check the server’s certificate")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        if sentence := url_fault(url):
            raise forms.ValidationError(sentence)
        return url

    def clean_headers(self) -> str:
        text = _unix(self.cleaned_data["headers"])
        try:
            headers(text)
        except BadSetting as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def clean_body(self) -> str:
        return _unix(self.cleaned_data["body"])

    def clean_expected_status(self) -> str:
        text = str(self.cleaned_data["expected_status"]).strip()
        try:
            statuses(text)
        except BadSetting as problem:
            raise forms.ValidationError(str(problem)) from problem
        return "" if text == DEFAULT_STATUS else text

    def clean_expected_json(self) -> str:
        text = _unix(self.cleaned_data["expected_json"])
        try:
            json_checks(text)
        except BadSetting as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def properties(self) -> dict[str, str]:
        """What is as usual is left out."""
        data = self.cleaned_data
        found = {name: data[field] for field, name in _TEXTS.items() if data[field]}
        found |= {name: "True" for field, name in _FLAGS.items() if data[field]}
        if data["answer_timeout"]:
            found[names.TIMEOUT] = str(data["answer_timeout"])
        return {RUN_ON_SERVER: "true", names.METHOD: data["method"] or Method.GET, **found}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "method": properties.get(names.METHOD, Method.GET),
            "answer_timeout": properties.get(names.TIMEOUT, ""),
            **{field: properties.get(name, "") for field, name in _TEXTS.items()},
            **{field: properties.get(name, "").lower() == "true" for field, name in _FLAGS.items()},
        }


def _unix(text: object) -> str:
    return str(text).replace("\r\n", "\n")


HTTP_REQUEST = ActionType(
    key=HTTP_ACTION,
    slug="http-request",
    name="HTTP request",
    description="Sends a request from a worker, and checks the status and the body of the answer.",
    icon="send",
    form=HttpForm,
    template="processes/types/_http.html",
)
