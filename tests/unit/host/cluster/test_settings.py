"""`cluster.json`: what is written is read again, and what cannot work is refused in one line that says what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund.cluster import settings
from wachhund.cluster.settings import Cluster, Node
from wachhund.fleet.data_folder import DataFolder
from wachhund_evidence import MisuseError

THREE = Cluster(16, (Node("n1", "10.0.0.11"), Node("n2", "10.0.0.12"), Node("n3", "n3.example.org")))


def made(**other: Any) -> bytes:
    """The text of three nodes, changed."""
    return json.dumps({**json.loads(settings.render(THREE)), **other}).encode()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """By every machine."""
    data = DataFolder(tmp_path)
    assert not settings.is_cluster(data)
    settings.write(data, THREE)
    assert settings.is_cluster(data)
    assert settings.read(data) == THREE
    assert settings.parse(b'{"lanes": 1, "nodes": [{"name": "a", "host": "h"}]}', "x") == Cluster(1, (Node("a", "h"),))


def test_each_message_lies_on_three_nodes_or_on_the_only_one() -> None:
    """Two would lose the majority with either."""
    assert THREE.replicas == 3
    assert Cluster(1, THREE.nodes[:1]).replicas == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "x: "),
        (b"[]", "x: "),
        (b"{}", "x: lanes is missing: write it"),
        (made(lanes=0), "x: 0 lanes: give 1 to 128"),
        (made(lanes=129), "x: 129 lanes: give 1 to 128"),
        (made(lanes=True), "x: lanes: write a number"),
        (made(tls="no"), "x: tls: write true or false"),
        (made(tls=False), "x: node n1: 10.0.0.11 is reached from other machines: that goes by TLS only"),
        (made(names="one"), "x: names: write texts"),
        (made(names=["a b"]), "x: 'a b': give a host name or an address, without a port"),
        (made(names=["n"] * 9), "x: 9 names: give 8 at most"),
        (made(more=1), "x: 'more': no such setting: take it out"),
        (made(nodes={}), "x: nodes: write a list"),
        (made(nodes=[]), "x: 0 nodes: give one, or 3 to 9"),
        (made(nodes=["n1"]), "x: nodes: write objects with name and host"),
        (made(nodes=[{"name": "a"}]), "x: nodes: host is missing: write it"),
        (made(nodes=[{"name": "a", "host": "h", "mqtt": "1"}]), "x: nodes: mqtt: write a number"),
        (made(nodes=[{"name": "a", "host": "h", "mqtt": 0}]), "x: node a: port 0: give 1 to 65535"),
        (made(nodes=[{"name": "a", "host": "h", "mqtt": 4222}]), "x: node a: port 4222 of h is there twice"),
        (made(nodes=[{"name": "A", "host": "h"}]), "x: node 'A': give a name of a-z, 0-9 and -"),
        (made(nodes=[{"name": "../a", "host": "h"}]), "x: node '../a': give a name of"),
        (made(nodes=[{"name": "a", "host": "h:1 "}]), "x: 'h:1 ': give a host name or an address, without a port"),
        (made(nodes=[{"name": "a", "host": "h"}, {"name": "b", "host": "i"}]), "x: 2 nodes: neither works without"),
        (made(nodes=[{"name": "a", "host": host} for host in "hij"]), "x: node a: is there twice"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(raw: bytes, said: str) -> None:
    """It names the place and what to write there."""
    with pytest.raises(MisuseError) as refused:
        settings.parse(raw, "x")
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["lanes", "nodes", "tls", "names", "name", "host", "mqtt"]), inner, max_size=5
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_nothing_but_a_line_comes_of_any_bytes(raw: bytes) -> None:
    """People edit it by hand."""
    try:
        settings.parse(raw, "x")
    except MisuseError as refused:
        assert "\n" not in str(refused)


def test_a_node_is_given_with_as_many_ports_as_differ() -> None:
    """Of brackets an IPv6 address has need."""
    assert settings.parse_node("n1=10.0.0.11") == Node("n1", "10.0.0.11", 8883, 4222, 6222)
    assert settings.parse_node("n1=host:1:2:3") == Node("n1", "host", 1, 2, 3)
    assert settings.parse_node("n1=[fd00::1]:1") == Node("n1", "fd00::1", 1, 4222, 6222)
    for text in ("n1", "n1=", "n1=h:x", "n1=h:1:2:3:4", "n1=fd00::1", "=h"):
        with pytest.raises(MisuseError, match="--node: "):
            settings.parse_node(text)


def test_a_missing_or_unreadable_file_is_told(tmp_path: Path) -> None:
    """And how to come by one."""
    with pytest.raises(MisuseError, match="is missing: make it with `wachhund cluster init`, or copy it"):
        settings.read(DataFolder(tmp_path))
    (tmp_path / "cluster.json").write_bytes(b" " * 70_000)
    with pytest.raises(MisuseError, match="more than 65536 bytes"):
        settings.read(DataFolder(tmp_path))
    with pytest.raises(MisuseError, match=r"node .n9.: not in cluster\.json, which has: n1, n2, n3"):
        THREE.node("n9")
