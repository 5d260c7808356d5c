"""Connections to public addresses only: what was looked up is checked, and that is connected to."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Union

from programs.kit.given import Failed

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
#: Addresses of IPv6 that stand for those of IPv4: whoever connects to them reaches these.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def handlers(allowed: Sequence[str], context: ssl.SSLContext) -> list[urllib.request.BaseHandler]:
    """For an opener that connects to public addresses and to those in the networks `allowed`, and asks no
    proxy to do otherwise."""
    networks = [ipaddress.ip_network(text, strict=False) for text in allowed]

    def connect(address: tuple[str, int], timeout: Any = None, source_address: Any = None) -> socket.socket:
        return _connect(address, timeout, networks)

    return [urllib.request.ProxyHandler({}), _Http(connect), _Https(connect, context)]


def is_public(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is one of the open internet, or in a network that is allowed."""
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if any(address.version == one.version and address in one for one in allowed):
        return True
    return address.is_global and not address.is_multicast


def _plain(address: Address) -> Address:
    """An address of IPv4 that is written as one of IPv6, as that of IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _connect(address: tuple[str, int], timeout: Any, allowed: Sequence[Network]) -> socket.socket:
    """To an address that this very look-up gave: a name that leads elsewhere a moment later leads nowhere."""
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    public = [one for one in found if is_public(str(one[4][0]), allowed)]
    if not public:
        raise Failed(
            f"{host} is not on the open internet, and the server sends no requests to its own network. Send "
            "it from a worker, or allow the network by OCTOWORKERS_HTTP_ALLOWED."
        )
    problem: OSError | None = None
    for family, kind, protocol, _, where in public:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(timeout)
            made.connect(where)
        except OSError as error:
            problem = error
            made.close()
        else:
            return made
    raise problem or OSError("No address answers.")


Connect = Callable[..., socket.socket]


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **given: Any) -> http.client.HTTPConnection:
            made = http.client.HTTPConnection(host, **given)
            made._create_connection = self._connect  # type: ignore[attr-defined]  # what connect() calls
            return made

        return self.do_open(connection, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connect: Connect, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._connect, self._tls = connect, context

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **given: Any) -> http.client.HTTPSConnection:
            made = http.client.HTTPSConnection(host, context=self._tls, **given)
            made._create_connection = self._connect  # type: ignore[attr-defined]  # what connect() calls
            return made

        return self.do_open(connection, request)
