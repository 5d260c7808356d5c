"""Searching the log of a task, as its page does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import errors
from common.api.serializers import ANY_OBJECT
from domain.ids import IdKind
from tasks.api.details import element
from tasks.api.tasks import TasksView
from tasks.selectors import log_search, logs
from tasks.selectors.log_frames import readable_attempts
from tasks.selectors.log_search import Found

errors.refuse(log_search.BadPattern)

#: Lines of one answer.
TAKE, MOST = 100, 500


class LogSearchView(TasksView):
    tag = "tasks"

    @extend_schema(
        responses={
            "type": "object",
            "properties": {
                "Count": {"type": "integer", "description": "Lines that match, also those beyond `take`."},
                "IsWhole": {"type": "boolean", "description": "false: time was up before the end."},
                "Attempts": {"type": "array", "items": ANY_OBJECT},
            },
        },
        parameters=[
            OpenApiParameter("query", str, required=True, description="What to search for, in one line."),
            OpenApiParameter("regex", bool, description="true: an RE2 regular expression."),
            OpenApiParameter("case", bool, description="true: match case."),
            OpenApiParameter(
                "levels",
                str,
                description=f"{', '.join(log_search.LEVELS)}; joined by commas. None means all.",
            ),
            OpenApiParameter("step", int, description="Of one step only."),
            OpenApiParameter("take", int, description=f"Lines that are told, at most {MOST}."),
        ],
    )
    def search(self, request: Request, ref: str) -> Response:
        """Through the whole log; the first lines that match, by attempt."""
        task, step = self.object(ref), self.query.number("step", 0)
        attempts = [one for one in readable_attempts(task) if step in (0, one.execution.number)]
        result = log_search.search(attempts, self._wanted())
        take = min(self.query.number("take", TAKE), MOST)
        found = [one for one in result.found if one.count]
        return Response(
            {"Count": result.count, "IsWhole": result.is_whole, "Attempts": list(_told(found, take))}
        )

    def _wanted(self) -> log_search.Query:
        return log_search.Query(
            text=self.query.text("query"),
            is_regex=self.query.flag("regex") is True,
            is_case_sensitive=self.query.flag("case") is True,
            levels=frozenset(self.query.words("levels")),
        )


def _told(found: list[Found], take: int) -> Iterator[dict[str, Any]]:
    for one in found:
        hits = one.hits[:take]
        take -= len(hits)
        yield {
            "AttemptId": f"{IdKind.ATTEMPT.value}-{one.attempt.pk}",
            "Step": one.attempt.execution.number,
            "Count": one.count,
            "Lines": [element(line) for hit in hits for line in logs.lines(one.attempt.pk, hit, 1)],
        }


ROUTES = [path("tasks/<str:ref>/log/search", LogSearchView.as_view({"get": "search"}))]
