"""WebSocket frames (RFC 6455) as bytes on the wire: enough of them to stand between two parties."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

_FIN, _MASKED = 0x80, 0x80
_CONTINUATION, TEXT, BINARY = 0, 1, 2
_SHORT, _LONG = 126, 127


@dataclass(frozen=True)
class Piece:
    """A whole message, or a control frame: `raw` as it came, `payload` unmasked."""

    opcode: int
    payload: bytes
    raw: bytes

    @property
    def is_message(self) -> bool:
        return self.opcode in (TEXT, BINARY)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """The head of an HTTP message, with the empty line at its end."""
    return await reader.readuntil(b"\r\n\r\n")


async def pieces(reader: asyncio.StreamReader) -> AsyncIterator[Piece]:
    """Until the connection ends. A message that comes in fragments is one piece; a control frame in
    its middle comes before it."""
    opcode, payload, raw = 0, b"", b""
    while True:
        try:
            first, one, wire = await _frame(reader)
        except (asyncio.IncompleteReadError, OSError):
            return
        kind = first & 0x0F
        if kind > BINARY:
            yield Piece(kind, one, wire)
            continue
        opcode = opcode if kind == _CONTINUATION else kind
        payload, raw = payload + one, raw + wire
        if first & _FIN:
            yield Piece(opcode, payload, raw)
            opcode, payload, raw = 0, b"", b""


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """First byte, unmasked payload and raw bytes of the next frame."""
    head = await reader.readexactly(2)
    length, rest = head[1] & 0x7F, b""
    if length in (_SHORT, _LONG):
        rest = await reader.readexactly(2 if length == _SHORT else 8)
        length = int.from_bytes(rest, "big")
    mask = await reader.readexactly(4) if head[1] & _MASKED else b""
    data = await reader.readexactly(length)
    return head[0], _unmasked(data, mask), head + rest + mask + data


def _unmasked(data: bytes, mask: bytes) -> bytes:
    if not mask or not data:
        return data
    pattern = (mask * (len(data) // 4 + 1))[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")
    return mixed.to_bytes(len(data), "big")


def frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """A message as one frame. A client's frames have to be masked; a mask of zeros is one."""
    length, flag = len(payload), _MASKED if masked else 0
    if length < _SHORT:
        head = struct.pack(">BB", _FIN | opcode, flag | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", _FIN | opcode, flag | _SHORT, length)
    else:
        head = struct.pack(">BBQ", _FIN | opcode, flag | _LONG, length)
    return head + (bytes(4) if masked else b"") + payload
