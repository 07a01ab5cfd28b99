"""No message goes to an address of this machine or a local network unless somebody named it."""

import socket
import subprocess
import sys
import textwrap

import pytest

from wachhund.notify.reachable import is_public, may_reach, parse_network


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "::1", "10.0.0.1", "192.168.12.1", "172.16.0.9", "169.254.169.254", "fe80::1",
        "fe80::1%eth0", "fd00::1", "0.0.0.0", "::", "100.64.0.1", "224.0.0.1", "ff02::1", "255.255.255.255",
        "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "2002:7f00:1::1", "240.0.0.1", "not an address",
    ],
)  # fmt: skip
def test_an_address_that_is_none_of_the_internet_is_refused_however_it_is_written(address: str) -> None:
    """The metadata service of a cloud, a router's page, the host's own broker."""
    assert not is_public(address)
    assert not may_reach(address, ())


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_one_of_the_internet_is_not(address: str) -> None:
    assert may_reach(address, ())


def test_a_named_one_may_be_reached_and_its_neighbour_may_not() -> None:
    """An admin's word is for what he named."""
    allowed = [parse_network("10.1.2.3"), parse_network("fd00:7::/32")]
    assert may_reach("10.1.2.3", allowed) and may_reach("::ffff:10.1.2.3", allowed) and may_reach("fd00:7::9", allowed)
    assert not may_reach("10.1.2.4", allowed) and not may_reach("fd00:8::9", allowed)


CHILD = """
import http.client, os, socket, subprocess, sys
from wachhund.notify.reachable import watch_connections, AddressRefused, parse_network
port = int(sys.argv[1])
watch_connections([parse_network(one) for one in sys.argv[2:]])
def tried(what):
    try:
        what()
    except AddressRefused as refused:
        return "refused"
    except OSError as error:
        return type(error).__name__
    return "reached"
def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", port))
def local():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("/nowhere")
def page():
    made = http.client.HTTPConnection("localhost", port, timeout=5)
    made.connect()
    made.close()
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 5).close()), tried(page), tried(datagram),
      tried(local), tried(lambda: subprocess.run(["true"])), tried(lambda: os.system("true")))
"""


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ((), "refused refused refused refused refused refused"),
        (("127.0.0.1", "::1"), "reached reached reached refused refused refused"),
    ],
)
def test_the_process_that_sends_connects_nowhere_else_whoever_asks_for_it(
    allowed: tuple[str, ...], expected: str
) -> None:
    """By a name that resolves there (localhost), by datagrams, by a local socket, by another program."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(CHILD), str(listener.getsockname()[1]), *allowed],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    assert ran.stdout.strip() == expected
