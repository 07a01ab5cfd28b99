"""Ports that the robot's firewall leads on to a board behind it: the rule, and who comes by it."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import PHONE, Recording, Verdicts, hops

OUTSIDE, DOOR, NANO = "203.0.113.9", "100.100.57.24", "192.168.123.13"


def rule(scene: Recording, value: bool = True, to: list[Any] | None = None, port: str | None = "2280") -> None:
    """The firewall's rule came, or went."""
    to = to or [NANO, 22]
    scene.tell("config.state", name="port-forward", what=f"tcp {port} on ppp0 to {NANO}:22", value=value, proto="tcp",
               interface="ppp0", port=port, to=to)  # fmt: skip


def crosses(scene: Recording, port: int = 22, kind: str = "open", source: str = OUTSIDE, **more: Any) -> None:
    """Somebody's connection through the robot to a Nano."""
    scope = "lan" if source == PHONE else "internet"
    fields = {"flow": f"r{port}", "proto": "tcp", "direction": "through", "local": None, "remote": None, "puid": None,
              "exe": None, "source": [source, 40001], "target": [NANO, port], "source_scope": scope, "scope": "lan",
              "addressed": [DOOR, 2280]}  # fmt: skip
    scene.tell(f"flow.{kind}", **{**fields, **more})


@pytest.mark.parametrize("port", ["2280", "some", None])
def test_a_rule_and_who_comes_by_it_are_one_story_that_rises(port: str | None) -> None:
    """The operator must not read of a way in and of a visitor as of two things."""
    scene = Recording()
    rule(scene, port=port)
    before = Verdicts(scene.facts).only
    assert (before["kind"], before["level"]) == ("posture", "medium") and "forwards a port" in before["title"]
    scene.wait(3600)
    crosses(scene)
    incident = Verdicts(scene.facts).only
    assert (incident["id"], incident["kind"], incident["level"]) == (before["id"], "remote-control", "high")
    assert "ssh from the internet (203.0.113.9)" in incident["title"]
    assert hops(incident["origin"])[0] == OUTSIDE and incident["origin"][1]["address"] == NANO
    assert "elsewhere" in incident["origin"][-1]["why"], "what happens on that board the robot does not see"
    assert {"T1090", "T1133"} <= set(incident["attack"])
    assert any(f"leads {DOOR}:2280 on to {NANO}:22" in line for line in incident["story"])
    crosses(scene, kind="close")
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["last_t"] is not None


def test_a_rule_that_is_told_after_its_first_visitor_joins_him() -> None:
    """Two senses of the robot see the two, each in its own time."""
    scene = Recording()
    crosses(scene)
    rule(scene)
    incident = Verdicts(scene.facts).only
    assert incident["kind"] == "remote-control" and any("leads connections on" in line for line in incident["story"])


def test_a_rule_that_is_gone_closes_what_nobody_used() -> None:
    scene = Recording()
    rule(scene)
    rule(scene, False)
    assert Verdicts(scene.facts).only["state"] == "closed"


def test_a_rule_that_leads_to_the_robot_itself_is_none_to_another_board() -> None:
    """sshuttle makes such rules for its own use; who comes in by one is seen as at any service."""
    scene = Recording()
    scene.tell("config.state", name="port-forward", what="tcp to this robot:12300", value=True, proto="tcp",
               interface=None, port=None, to=None)  # fmt: skip
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize(
    "more",
    [
        {"source": PHONE},
        {"scope": "internet", "target": ["198.51.100.1", 22]},
        {"port": 5000},
        {"target": None},
        {"target": [NANO, None]},
        {"source": None, "source_scope": None},
    ],
)
def test_what_crosses_otherwise_is_nobodys_remote_control(more: dict[str, Any]) -> None:
    """The lab's own way to a Nano, a Nano's way out, and what is no control surface, are what a stock robot does."""
    scene = Recording()
    crosses(scene, **more)
    assert Verdicts(scene.facts).incidents == {}


def test_without_a_rule_a_routed_visitor_is_told_without_one() -> None:
    """The inner network may simply be reachable."""
    scene = Recording()
    crosses(scene, addressed=None)
    incident = Verdicts(scene.facts).only
    assert incident["kind"] == "remote-control" and "T1090" not in incident["attack"]
