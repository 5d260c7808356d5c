"""Parts of versions and of URIs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import SplitResult, quote, unquote, urlsplit

from domain.octostache.filters.calls import Filter, Inputs, Refused
from domain.octostache.filters.comparing import said

# Numbers, then whatever is left is the pre-release, and the metadata behind the +.
_VERSION = re.compile(
    r"(?:[vV]?(?P<Major>\d{1,10})(?:\.(?P<Minor>\d{1,10}))?(?:\.(?P<Patch>\d{1,10}))?"
    r"(?:\.(?P<Revision>\d{1,10}))?)?"
    r"[.\-_\\]?(?P<PreRelease>(?P<PreReleasePrefix>[A-Za-z0-9]*?)"
    r"(?:[.\-_\\](?P<PreReleaseCounter>[A-Za-z0-9.\-_\\]*?))?)"
    r"(?:\+(?P<Metadata>[A-Za-z0-9_\-.\\+]*?))?",
    re.ASCII,
)
_NUMBERS = ("Major", "Minor", "Patch", "Revision")
_LARGEST = 2**31 - 1
_LONGEST = 2_000


def _version(part: str) -> Filter:
    def apply(text: str | None, _options: list[str], _inputs: Inputs) -> str | None:
        if text is None:
            return None
        found = _VERSION.fullmatch(text.strip()) if 0 < len(text.strip()) <= _LONGEST else None
        if not found or any(int(found[one] or 0) > _LARGEST for one in _NUMBERS):
            raise Refused("the text is not a version")
        return str(int(found[part] or 0)) if part in _NUMBERS else (found[part] or "")

    return apply


_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "file": -1, "mailto": 25, "ldap": 389}
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RELATIVE = "This operation is not supported for a relative URI."


class _Uri:
    """An absolute URI, as .NET sees it."""

    def __init__(self, text: str) -> None:
        self.parts: SplitResult = urlsplit(text.strip())
        self.scheme = self.parts.scheme.lower()
        self.default = _PORTS.get(self.scheme, -1)
        self.port = self.parts.port or self.default
        self.host = (self.parts.hostname or "").lower()
        user, _, host = self.parts.netloc.rpartition("@")
        self.user, self.shown_host = user, f"[{self.host}]" if ":" in self.host else self.host
        self.path = quote(self.parts.path or ("/" if host else ""), safe="%-._~:/@!$&'()*+,;=")

    @property
    def authority(self) -> str:
        return self.shown_host if self.port == self.default else f"{self.shown_host}:{self.port}"

    @property
    def query(self) -> str:
        return f"?{self.parts.query}" if self.parts.query else ""

    @property
    def fragment(self) -> str:
        return f"#{self.parts.fragment}" if self.parts.fragment else ""

    @property
    def absolute(self) -> str:
        slashes = "//" if self.parts.netloc or self.scheme == "file" else ""
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}:{slashes}{user}{self.authority}{self.path}{self.query}{self.fragment}"

    @property
    def host_kind(self) -> str:
        if not self.host:
            return "Basic"
        try:
            return f"IPv{ipaddress.ip_address(self.host).version}"
        except ValueError:
            return "Dns"

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "loopback", "127.0.0.1", "::1") or self.host.startswith("127.")


_PARTS: dict[str, Callable[[_Uri], str]] = {
    "absolutepath": lambda uri: uri.path,
    "absoluteuri": lambda uri: uri.absolute,
    "authority": lambda uri: uri.authority,
    "dnssafehost": lambda uri: uri.host,
    "fragment": lambda uri: uri.fragment,
    "host": lambda uri: uri.shown_host,
    "hostandport": lambda uri: f"{uri.shown_host}:{uri.port}" if uri.port >= 0 else uri.shown_host,
    "hostnametype": lambda uri: uri.host_kind,
    "isabsoluteuri": lambda uri: "true",
    "isdefaultport": lambda uri: said(uri.port == uri.default),
    "isfile": lambda uri: said(uri.scheme == "file"),
    "isloopback": lambda uri: said(uri.is_loopback or (uri.scheme == "file" and not uri.host)),
    "isunc": lambda uri: said(uri.scheme == "file" and bool(uri.host)),
    "path": lambda uri: unquote(uri.path),
    "pathandquery": lambda uri: f"{uri.path}{uri.query}",
    "port": lambda uri: str(uri.port),
    "query": lambda uri: uri.query,
    "scheme": lambda uri: uri.scheme,
    "schemeandserver": lambda uri: f"{uri.scheme}://{uri.authority}",
    "userinfo": lambda uri: uri.user,
}


def _uri_part(text: str | None, options: list[str], _inputs: Inputs) -> str | None:
    """An error stands in the text, as the reference has it."""
    if text is None:
        return None
    if not options:
        return "[UriPart error: no argument given]"
    part = options[0]
    if part.lower() not in _PARTS:
        return f"[UriPart {part} error: argument '{part}' not supported]"
    if not _ABSOLUTE.match(text.strip()):
        return "false" if part.lower() == "isabsoluteuri" else f"[UriPart {part} error: {_RELATIVE}]"
    try:
        return _PARTS[part.lower()](_Uri(text))
    except ValueError:
        return text


_VERSION_PARTS = (*_NUMBERS, "PreRelease", "PreReleasePrefix", "PreReleaseCounter", "Metadata")

FILTERS: dict[str, Filter] = {
    **{f"Version{part}": _version(part) for part in _VERSION_PARTS},
    "UriPart": _uri_part,
}
