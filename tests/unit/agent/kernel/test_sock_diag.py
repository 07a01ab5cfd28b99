"""Sockets as the kernel lists them: real ones, made here, with exact byte counts."""

import socket
import time
from typing import Iterator, Tuple

import pytest

from wachhund_agent.kernel.sock_diag import LISTEN, STATES_LISTENING, address_text, dump_tcp, parse_socket
from wachhund_agent.kernel.tcp_lookup import Asked, TcpLookup

Pair = Tuple[socket.socket, socket.socket]


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def pair(request: "pytest.FixtureRequest") -> Iterator[Pair]:
    family = request.param
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no {}".format(address))
        listener.listen(1)
        with socket.create_connection(listener.getsockname()[:2]) as client:
            server, _ = listener.accept()
            with server:
                yield client, server


def test_both_ends_are_listed_with_what_went_each_way(pair: Pair) -> None:
    client, server = pair
    client.sendall(b"x" * 777)
    received = 0
    while received < 777:
        received += len(server.recv(1024))
    found = {sock.local[1]: sock for sock in dump_tcp(client.family)}
    near, far = found[client.getsockname()[1]], found[server.getsockname()[1]]
    assert near.remote == far.local and far.remote == near.local
    assert near.info is not None and far.info is not None
    assert near.info.bytes_sent == 777 and far.info.bytes_received == 777
    assert near.cookie != far.cookie and near.inode and far.inode


def test_one_socket_is_found_by_its_ends_and_only_under_its_own_cookie(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    client, _ = pair
    local, remote = client.getsockname()[:2], client.getpeername()[:2]
    lookup = TcpLookup()
    request.addfinalizer(lookup.close)
    _, (found,) = lookup.find([Asked(local, remote)])
    assert found is not None and found.local == local
    _, (same, other) = lookup.find([Asked(local, remote, found.cookie), Asked(local, remote, found.cookie + 1)])
    assert same is not None and other is None


def test_many_sockets_are_found_at_one_moment_each_in_its_place(pair: Pair, request: pytest.FixtureRequest) -> None:
    """More than one batch holds; among them some that do not exist."""
    client, server = pair
    ends = [(one.getsockname()[:2], one.getpeername()[:2]) for one in (client, server)]
    gone = (ends[0][0], (ends[0][1][0], 1))
    lookup = TcpLookup()
    request.addfinalizer(lookup.close)
    before = time.monotonic()
    moment, found = lookup.find([Asked(*one) for one in (ends[0], gone, ends[1]) * 30])
    assert before <= moment <= time.monotonic()
    assert [one and one.local for one in found] == [ends[0][0], None, ends[1][0]] * 30
    assert lookup.find([])[1] == []


def test_listeners_are_listed_apart(pair: Pair) -> None:
    _, server = pair
    listening = dump_tcp(server.family, STATES_LISTENING, info=False)
    assert server.getsockname()[1] in {sock.local[1] for sock in listening}
    assert {sock.state for sock in listening} == {LISTEN}


def test_an_ipv4_address_in_ipv6_is_shown_as_ipv4() -> None:
    assert address_text(socket.AF_INET6, bytes(10) + b"\xff\xff\xcb\x00\x71\x07") == "203.0.113.7"
    assert address_text(socket.AF_INET6, bytes(15) + b"\x01") == "::1"


def test_counters_of_an_older_kernel_are_taken_as_far_as_they_go() -> None:
    """TCP_INFO grows with the kernel; the length that came decides what is read."""
    fixed = bytes([socket.AF_INET, 1, 0, 0]) + bytes(68)
    info = bytearray(136)
    info[120:128] = (500).to_bytes(8, "little")
    old = parse_socket(fixed + b"\x8c\x00\x02\x00" + bytes(info)).info
    assert old is not None and old.bytes_sent == old.bytes_acked == 500
    assert parse_socket(fixed + b"\x08\x00\x02\x00" + bytes(4)).info is None
    assert parse_socket(fixed).info is None
