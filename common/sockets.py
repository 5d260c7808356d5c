"""What a consumer's `send` raises when the other end has just gone: nothing to report, the
`websocket.disconnect` is already on its way. Daphne lets its WebSocket library's exception through."""

from autobahn.exception import Disconnected as SocketClosed

__all__ = ["SocketClosed"]
