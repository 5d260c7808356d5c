"""Requests of the server: public addresses only, and the very address that was checked."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import urllib.error
import urllib.request

import pytest

from programs.http import checked
from programs.kit.given import Failed


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
    ],
)
def test_what_is_not_on_the_open_internet(address):
    assert not checked.is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
)
def test_what_is(address):
    assert checked.is_public(address)


def test_a_network_that_is_allowed_is_and_no_other():
    allowed = [ipaddress.ip_network("10.1.0.0/16")]

    assert checked.is_public("10.1.2.3", allowed)
    assert checked.is_public("::ffff:10.1.2.3", allowed)
    assert not checked.is_public("10.2.0.1", allowed)


def opener(*allowed: str) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(*checked.handlers(allowed, ssl.create_default_context()))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "https://127.0.0.1:9/",
        "http://0x7f.1:9/",
        "http://[::1]:9/",
    ],
)
def test_nothing_is_connected_to_that_is_not(url):
    with pytest.raises(Failed, match="not on the open internet"):
        opener().open(url, timeout=5)


def test_a_name_that_leads_elsewhere_a_moment_later_is_looked_up_once(monkeypatch):
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    asked: list[str] = []
    reached: list[object] = []

    def look_up(host, port, **given):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers[len(asked) - 1]]

    class Silent:
        def __init__(self, *given):
            pass

        def settimeout(self, seconds):
            pass

        def connect(self, where):
            reached.append(where)
            raise OSError("silence")

        def close(self):
            pass

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "socket", Silent)

    with pytest.raises(urllib.error.URLError):
        opener().open("http://rebinding.example.org/", timeout=5)

    assert (asked, reached) == (["rebinding.example.org"], [("93.184.216.34", 80)])


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with pytest.raises(Failed, match="not on the open internet"):
        opener().open("http://127.0.0.2/", timeout=5)
