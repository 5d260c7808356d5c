"""The one HTTP call of an agent: joining with an enrolment code. From then on it speaks over its socket."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.utils import timezone
from django.utils.decorators import method_decorator
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from workers.models import Machine
from workers.services import enrolment, server_key
from workers.services.names import MAX_NAME

#: Bytes of a request: the capabilities are the long part of it.
MAX_BODY = 64_000

MALFORMED = (status.HTTP_400_BAD_REQUEST, status.HTTP_415_UNSUPPORTED_MEDIA_TYPE)

STATUS = {
    "invalid": status.HTTP_400_BAD_REQUEST,
    "unknown_code": status.HTTP_403_FORBIDDEN,
    "revoked_key": status.HTTP_403_FORBIDDEN,
    "expired_code": status.HTTP_410_GONE,
    "used_code": status.HTTP_410_GONE,
    "pools_gone": status.HTTP_410_GONE,
}


class EnrolmentThrottle(AnonRateThrottle):
    scope = "enrolment"


class Application(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=enrolment.MAX_CODE)
    name = serializers.CharField(max_length=MAX_NAME)
    public_key = serializers.CharField(max_length=64)
    agent_version = serializers.CharField(max_length=enrolment.MAX_VERSION)
    boot_id = serializers.CharField(max_length=enrolment.MAX_BOOT_ID, allow_blank=True)
    capabilities = serializers.DictField()


@method_decorator(login_not_required, name="dispatch")
class EnrolView(APIView):
    """POST /api/agents/enrol, public: the code is the permission. Errors: {"error": {"code", "message"}}."""

    throttle_classes = [EnrolmentThrottle]

    def post(self, request: Request) -> Response:
        machine = _enrol(request)
        answer = {
            "agent_id": str(machine.agent_id),
            "name": machine.name,
            "server_key": server_key.public_hex(),
            "websocket": "/agent/ws/",
        }
        return Response(answer, status=status.HTTP_201_CREATED)

    def get_exception_handler(self) -> Any:
        return _answer_error


def _enrol(request: Request) -> Machine:
    application = Application(data=_data(request))
    if not application.is_valid():
        raise enrolment.EnrolmentRefused("invalid", _problems(application.errors))
    data = application.validated_data
    return enrolment.enrol(
        code=data["code"],
        public_key_hex=data["public_key"],
        name=data["name"],
        agent_version=data["agent_version"],
        capabilities=data["capabilities"],
        boot_id=data["boot_id"],
        now=timezone.now(),
    )


def _data(request: Request) -> Any:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise enrolment.EnrolmentRefused("invalid", f"The request is longer than {MAX_BODY:,} bytes.")
    try:
        return request.data
    except RecursionError as error:
        raise enrolment.EnrolmentRefused("invalid", "The request is nested too deeply.") from error


def _problems(errors: Any) -> str:
    return " ".join(f"{name}: {' '.join(str(one) for one in found)}" for name, found in errors.items())


def _answer_error(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Whatever goes wrong, in the one form that agents read; None for what is a fault of ours."""
    if isinstance(exception, enrolment.EnrolmentRefused):
        return _error(exception.code, exception.message, STATUS[exception.code])
    if isinstance(exception, Throttled):
        seconds = int(getattr(exception, "wait", None) or 60)
        response = _error("too_many", f"Too many attempts. Try again in {seconds} s.", exception.status_code)
        response["Retry-After"] = str(seconds)
        return response
    if isinstance(exception, APIException):
        code = "invalid" if exception.status_code in MALFORMED else exception.default_code
        return _error(str(code), str(exception.detail), exception.status_code)
    return None


def _error(code: str, message: str, http_status: int) -> Response:
    return Response({"error": {"code": code, "message": message}}, status=http_status)
