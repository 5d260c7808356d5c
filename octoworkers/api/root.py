"""Where clients begin: the root, a space's home, capabilities, and the key that agents pin."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView
from common.api.collections import collection
from common.api.serializers import STRING, STRINGS
from domain import ids
from domain.ids import IdKind
from octoworkers.api import links
from spaces.selectors import default_space
from workers.services import server_key

LINKS = {"type": "object", "additionalProperties": STRING}
CAPABILITIES = ["GetAllSpacesRequest", "RunbookRunsV1", "ReleasesV1", "DeploymentsV1"]
CERTIFICATE = "certificate-global"


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


ROOT_SCHEMA = _object(
    Application=STRING,
    Version=STRING,
    ApiVersion=STRING,
    InstallationId={"type": "string", "format": "uuid"},
    IsEarlyAccessProgram={"type": "boolean"},
    HasLongTermSupport={"type": "boolean"},
    OctoworkersVersion=STRING,
    Links=LINKS,
)


class RootView(ApiView):
    """Anybody may look: clients read it before they sign in, and it says nothing but versions."""

    permission_classes = []

    def get_authenticators(self) -> list[Any]:
        # Clients send whatever key they have; a bad one shows at the next call.
        return []

    @extend_schema(responses=ROOT_SCHEMA, tags=["server"])
    def get(self, request: Request) -> Response:
        space = default_space()
        home = links.space_home(ids.encode(IdKind.SPACE, space.pk)) if space else {}
        return Response(
            {
                "Application": "Octoworkers",
                "Version": settings.API_VERSION,
                "ApiVersion": "3.0.0",
                "InstallationId": str(installation_id()),
                "IsEarlyAccessProgram": False,
                "HasLongTermSupport": False,
                "OctoworkersVersion": settings.SERVER_VERSION,
                "Links": {**home, **links.ROOT},
            }
        )


def installation_id() -> uuid.UUID:
    """Stays the same as long as the server keeps its key."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"octoworkers:{server_key.thumbprint()}")


class SpaceHomeView(ApiView):
    @extend_schema(responses=_object(Id=STRING, Links=LINKS), tags=["spaces"])
    def get(self, request: Request) -> Response:
        space_id = ids.encode(IdKind.SPACE, self.space.pk)
        return Response({"Id": space_id, "Links": links.space_home(space_id)})


class CapabilitiesView(ApiView):
    @extend_schema(responses=_object(Capabilities=STRINGS), tags=["server"])
    def get(self, request: Request) -> Response:
        return Response({"Capabilities": CAPABILITIES})


CERTIFICATE_SCHEMA = _object(
    Id=STRING, Name=STRING, Thumbprint=STRING, SignatureAlgorithm=STRING, Links=LINKS
)


class CertificatesView(ViewSetMixin, ApiView):
    """The key with which this server proves itself to its agents."""

    @extend_schema(responses=_object(ItemType=STRING, Items={"type": "array", "items": CERTIFICATE_SCHEMA}))
    def listing(self, request: Request) -> Response:
        items = [_certificate()]
        return Response(
            collection(items, item_type="Certificate", total=1, skip=0, take=30, path=CERTIFICATES, query={})
        )

    @extend_schema(responses=CERTIFICATE_SCHEMA)
    def retrieve(self, request: Request, ref: str) -> Response:
        if ref.casefold() != CERTIFICATE:
            raise Http404(f"The certificate {ref[:80]!r} was not found.")
        return Response(_certificate())


CERTIFICATES = "/api/configuration/certificates"


def _certificate() -> dict[str, Any]:
    return {
        "Id": CERTIFICATE,
        "Name": "Octoworkers server",
        # Octopus's have 40 digits: agents of its own pin these, ours the whole one.
        "Thumbprint": server_key.thumbprint()[:40],
        "SignatureAlgorithm": "Ed25519",
        "Links": {"Self": f"{CERTIFICATES}/{CERTIFICATE}"},
    }


ROUTES = [
    path("spacehome", SpaceHomeView.as_view(), name="api_space_home"),
    path("capabilities", CapabilitiesView.as_view(), name="api_capabilities"),
    path("configuration/certificates", CertificatesView.as_view({"get": "listing"})),
    path("configuration/certificates/<str:ref>", CertificatesView.as_view({"get": "retrieve"})),
]
