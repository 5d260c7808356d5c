"""The questions of runs, and people's answers."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import InSpace, ResourceView
from accounts.api.users import UserResource
from accounts.api.views import SPACE_PATHS
from accounts.permissions import Permission, can
from common.api import errors
from common.api.serializers import (
    ANY_OBJECT,
    BOOLEAN,
    STRING,
    STRINGS,
    Always,
    Body,
    Computed,
    IdField,
    LinksField,
    Moment,
    Text,
)
from domain import ids
from domain.ids import IdKind
from domain.runs import Answer
from spaces.models import Space
from tasks.api import related
from tasks.api.tasks import INTERRUPTION_TYPES
from tasks.models import Interruption, InterruptionKind
from tasks.services import interruptions
from tasks.services.interruptions import AlreadyAnswered, NotAChoice

SPACE_PATHS["tasks.Interruption"] = "task__space"

errors.refuse(AlreadyAnswered, code=409)
errors.refuse(NotAChoice)


def form(one: Interruption) -> dict[str, Any]:
    """What is asked, and the answers that may be sent."""
    is_manual = one.kind == InterruptionKind.MANUAL
    name = "Result" if is_manual else "Guidance"
    buttons = [{"Text": choice, "Value": choice, "RequiresConfirmation": False} for choice in one.choices]
    return {
        "Values": {"Notes": one.notes, name: one.answer or None},
        "Elements": [
            {
                "Name": "Instructions",
                "Control": {"Type": "Paragraph", "Text": one.text},
                "IsValueRequired": False,
            },
            {"Name": "Notes", "Control": {"Type": "TextArea", "Label": "Notes"}, "IsValueRequired": False},
            {
                "Name": name,
                "Control": {"Type": "SubmitButtonGroup", "Buttons": buttons},
                "IsValueRequired": True,
            },
        ],
    }


class InterruptionResource(InSpace):
    kind = IdKind.INTERRUPTION
    path = "interruptions"

    Id = IdField(IdKind.INTERRUPTION, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="task.space_id")
    Title = Computed(lambda row: f"{row.get_kind_display()}: {row.execution.name}", STRING)
    Type = Computed(lambda row: INTERRUPTION_TYPES[row.kind], STRING)
    Question = Text(source="kind", read_only=True)
    Created = Moment(source="opened_at", read_only=True)
    IsPending = Computed(lambda row: row.closed_at is None, BOOLEAN)
    TaskId = IdField(IdKind.TASK, source="task_id")
    CorrelationId = Computed(lambda row: f"ServerTasks-{row.task_id}/{row.execution.number}", STRING)
    Form = Computed(form, ANY_OBJECT)
    RelatedDocumentIds = Computed(
        lambda row: [ids.encode(IdKind.TASK, row.task_id), *related.arguments(row.task).values()], STRINGS
    )
    ResponsibleTeamIds = Always([])
    ResponsibleUserId = Computed(
        lambda row: ids.encode(IdKind.USER, row.taken_by_id) if row.taken_by_id else None,
        {"type": "string", "nullable": True},
    )
    CanTakeResponsibility = serializers.SerializerMethodField(method_name="may_take")
    HasResponsibility = serializers.SerializerMethodField(method_name="has_taken")
    IsLinkedToOtherInterruption = Always(False)
    Links = LinksField()

    def may_take(self, row: Interruption) -> bool:
        return row.closed_at is None and can(self.context["view"].user, Permission.RUN, row.task)

    def has_taken(self, row: Interruption) -> bool:
        return bool(row.taken_by_id == self.context["view"].user.pk)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Submit": f"{own}/submit", "Responsible": f"{own}/responsible"}


class AnswerBody(Body):
    """`Result` answers a manual intervention, `Guidance` a guided failure or an unknown outcome."""

    Notes = Text(source="notes", max_length=4000)
    Instructions = Text(source="instructions")
    Result = Text(source="result", max_length=40)
    Guidance = Text(source="guidance", max_length=40)


class InterruptionsView(ResourceView):
    model = Interruption
    kind = IdKind.INTERRUPTION
    item_type = "Interruption"
    serializer_class = InterruptionResource
    queryset = Interruption.objects.none()
    name_field = ""
    filters = {
        "regarding": "The id of a task, a deployment, a run, a project, an environment or a tenant.",
        "pendingOnly": "true: those that nobody has answered.",
    }

    def rows(self) -> Any:
        """Newest first, of the tasks that this user may see."""
        relations = [f"task__{name}" for name in related.relations()]
        rows = Interruption.objects.filter(task__space__in=Space.objects.visible_to(self.user))
        rows = rows.select_related("task__space", "execution", *relations)
        return rows.defer("task__plan").order_by("-id")

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if self.query.flag("pendingOnly"):
            rows = rows.filter(closed_at=None)
        for ref in self.query.words("regarding"):
            found = related.tasks_regarding(ref)
            if found is None:
                return rows.none()
            rows = rows.filter(**{f"task__{name}": value for name, value in found.items()})
        return rows

    def by_name(self, rows: Any, ref: str) -> Any:
        return None

    @extend_schema(request=AnswerBody, responses={"200": InterruptionResource})
    def submit(self, request: Request, ref: str) -> Response:
        """Answers it, once. What may be answered stands in `Form`."""
        found = self.object(ref)
        self.require(Permission.RUN, found.task)
        data = self.body(AnswerBody)
        interruptions.answer(
            found,
            answer=_answer(data["result"] or data["guidance"], found),
            notes=data["notes"],
            user=self.user,
            now=timezone.now(),
        )
        return self.shown(InterruptionResource, self.reread(found))

    @extend_schema(responses=UserResource)
    def responsible(self, request: Request, ref: str) -> Response:
        """Who sees to it; nobody is an empty answer."""
        found = self.object(ref)
        return self.shown(UserResource, found.taken_by) if found.taken_by else Response(None)

    @extend_schema(request=None, responses={"200": UserResource})
    def take_responsibility(self, request: Request, ref: str) -> Response:
        """Says that you see to it."""
        found = self.object(ref)
        self.require(Permission.RUN, found.task)
        interruptions.take(found, user=self.user)
        return self.shown(UserResource, self.user)


def _answer(text: str, found: Interruption) -> Answer:
    by_name = {answer.value.casefold(): answer for answer in Answer}
    answer = by_name.get(text.casefold())
    if answer is None:
        raise ValidationError(f"Answer with one of: {', '.join(found.choices)}.")
    return answer


_RESPONSIBLE: Any = {"get": "responsible", "put": "take_responsibility"}

ROUTES = [
    path("interruptions", InterruptionsView.as_view({"get": "list"})),
    path("interruptions/<str:ref>", InterruptionsView.as_view({"get": "retrieve"})),
    path("interruptions/<str:ref>/submit", InterruptionsView.as_view({"post": "submit"})),
    path("interruptions/<str:ref>/responsible", InterruptionsView.as_view(_RESPONSIBLE)),
]
