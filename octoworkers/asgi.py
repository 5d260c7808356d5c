"""Everything that comes in: pages over HTTP, agents and browsers over WebSockets."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoworkers.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from octoworkers.routing import websockets  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": websockets})
