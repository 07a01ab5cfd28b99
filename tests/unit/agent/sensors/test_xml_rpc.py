"""Answers of a ROS master: read, or refused with a reason, whatever somebody who took the master's port says."""

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors import xml_rpc
from wachhund_agent.sensors.xml_rpc import AnswerReader, BadAnswer, call, parse_answer


def answer(value: Any) -> bytes:
    """As the standard library's server writes it, which is what a ROS master uses."""
    return xmlrpc.client.dumps((value,), methodresponse=True).encode()


def http(
    body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\nContent-type: text/xml\r\nContent-length: %d\r\n\r\n"
) -> bytes:
    return (head % len(body) if b"%d" in head else head) + body


@pytest.mark.parametrize(
    "value",
    [
        [1, "current system state", [[["/rosout", ["/a", "/b"]]], [], [["/a/get_loggers", ["/a"]]]]],
        [1, "", "http://192.0.2.1:1/"],
        [-1, "unknown node [/x]", ""],
        [1, "a <b> & c", []],
        [],
        "",
        7,
    ],
)
def test_what_the_standard_library_writes_is_read(value: Any) -> None:
    assert parse_answer(answer(value)) == value


def test_a_value_of_no_kind_is_a_text() -> None:
    said = b"<methodResponse><params><param><value>plain</value></param></params></methodResponse>"
    assert parse_answer(said) == "plain"


def test_the_standard_library_reads_our_call() -> None:
    sent = call("127.0.0.1", 11311, "lookupNode", "/me", "/a<b>&")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert xmlrpc.client.loads(body.decode()) == (("/me", "/a<b>&"), "lookupNode")


def test_an_answer_may_come_in_pieces() -> None:
    whole = http(answer([1, "x", ["y"]]))
    reader = AnswerReader()
    for at in range(len(whole) - 1):
        assert reader.feed(whole[at : at + 1]) is None
    assert reader.feed(whole[-1:]) == [1, "x", ["y"]]


_BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><methodResponse>&a;</methodResponse>'
_DEEP = b"<value><array><data>" * 200 + b"</data></array></value>" * 200


@pytest.mark.parametrize(
    "said, why",
    [
        (b"SSH-2.0-x\r\n\r\n", "speaks no HTTP"),
        (b"x" * (xml_rpc.HEAD_BYTES + 1), "speaks no HTTP"),
        (b"HTTP/1.1 501 no\r\n\r\n", "refuses"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "how long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "how long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "larger"),
        (http(b"<x>") + b"more", "more than it was asked"),
        (http(b"<methodResponse>"), "no XML"),
        (http(b"<a>\xff</a>"), "no XML"),
        (http(b'<?xml version="1.0" encoding="nonsense"?><a/>'), "no XML"),
        (http(_BOMB), "document type"),
        (http(_DEEP), "deeper"),
        (http(b"<array>" + b"<value/>" * (xml_rpc.ANSWER_VALUES + 1) + b"</array>"), "values"),
        (http(b"<a><fault><value/></fault></a>"), "fault"),
        (http(b"<a><value><struct/></value></a>"), "struct"),
        (http(b"<a><value>1</value><value>2</value></a>"), "twice"),
        (http(b"<a><value><int>one</int></value></a>"), "number"),
        (http(b"<a><value><int>" + b"9" * 5000 + b"</int></value></a>"), "number"),
        (http(b"<a/>"), "empty"),
    ],
)
def test_what_no_master_says_is_refused_with_a_reason(said: bytes, why: str) -> None:
    """On a robot without authentication anybody may own the port; what he answers must cost the agent nothing."""
    with pytest.raises(BadAnswer) as caught:
        AnswerReader().feed(said)
    assert why in str(caught.value)


def test_too_large_a_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadAnswer):
        parse_answer(b" " * (xml_rpc.ANSWER_BYTES + 1))


@given(st.binary(max_size=400))
def test_any_bytes_are_an_answer_or_a_bad_one(data: bytes) -> None:
    for said in (data, http(data), http(b"<a><value>" + data + b"</value></a>")):
        try:
            AnswerReader().feed(said)
        except BadAnswer:
            continue
