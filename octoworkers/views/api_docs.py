"""The API for people: one page per kind of resource, made from its OpenAPI."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from octoworkers.api import description


@require_GET
def api_docs(request: PageRequest) -> HttpResponse:
    tags = description.tags()
    tag = request.GET.get("tag", "")
    if tag and tag not in tags:
        raise Http404("There is no such part of the API: not found.")
    context = {"tags": tags, "tag": tag, "operations": description.operations(tag) if tag else []}
    return render(request, "octoworkers/api_docs.html", context)
