"""Tries to log in that fail, and one that then does not."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import PHONE, SSHD, Recording, Verdicts


def tries(scene: Recording, count: int, address: str = "203.0.113.9", **more: Any) -> None:
    fields = {"service": "sshd", "from": [address, None], "count": count, "unknown_users": 0}
    scene.tell("login.failed", **{**fields, "first_mono": 1.0, "last_mono": 9.0, **more})
    scene.wait(10)


def test_many_tries_are_an_incident_and_go_on_in_it() -> None:
    scene = Recording()
    for _ in range(5):
        tries(scene, 20)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("intrusion", "medium")
    assert incident["title"] == "Passwords guessed at sshd from 203.0.113.9" and "T1110" in incident["attack"]


def test_slow_tries_are_found_too() -> None:
    scene = Recording()
    for _ in range(15):
        tries(scene, 2)
    assert len(Verdicts(scene.facts).incidents) == 1


def test_somebody_who_mistypes_is_none() -> None:
    scene = Recording()
    for _ in range(3):
        tries(scene, 2, PHONE)
    assert Verdicts(scene.facts).incidents == {}


def test_a_guess_that_went_through_weighs_more() -> None:
    """From the local network too: the colleague's laptop may be somebody else's."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    tries(scene, 40, PHONE)
    flow = scene.accept(900, 22, PHONE)
    scene.tell("login.start", user="pi", method="password", service="sshd", flow=flow, **{"from": [PHONE, 40001]})
    incident = Verdicts(scene.facts).only
    assert incident["level"] == "high" and incident["title"] == f"A login was guessed: by ssh as pi from {PHONE}"


@pytest.mark.parametrize(("pauses", "incidents"), [((60.0,), 1), ((30 * 86_400.0,), 0), ((30 * 86_400.0,) * 3, 0)])
def test_who_mistyped_weeks_ago_has_guessed_nothing_today(pauses: tuple[float, ...], incidents: int) -> None:
    """Nor at each login after that."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    tries(scene, 2, PHONE, unknown_users=2)
    for pause in pauses:
        scene.wait(pause)
        flow = scene.accept(100, 22, PHONE)
        scene.tell("login.start", user="pi", method="password", service="sshd", flow=flow, **{"from": [PHONE, 40001]})
        scene.close(flow)
    assert len(Verdicts(scene.facts).incidents) == incidents


def test_tries_that_a_login_went_through_after_are_counted_no_more() -> None:
    """One mistyped account in the morning and one in the evening are no guess; each was followed by a login."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    for _ in range(4):
        tries(scene, 1, PHONE, unknown_users=1)
        flow = scene.accept(100, 22, PHONE)
        scene.tell("login.start", user="pi", method="password", service="sshd", flow=flow, **{"from": [PHONE, 40001]})
        scene.close(flow)
        scene.wait(3_600)
    assert Verdicts(scene.facts).incidents == {}


def test_addresses_without_end_fill_no_memory() -> None:
    """Each is counted by itself, the oldest is forgotten."""
    scene = Recording()
    for number in range(1000):
        tries(scene, 1, f"10.0.{number % 250}.{number // 250}")
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize("field", ["service", "from", "count", "unknown_users"])
@pytest.mark.parametrize("value", [7.5, -3, 10**30, {"a": 1}, ["x"], "x" * 5000, None])
def test_what_a_hostile_robot_says_of_tries_is_refused_or_taken(field: str, value: Any) -> None:
    scene = Recording()
    tries(scene, **{"count": 20, field: value})
    assert all(field in reason for reason in Verdicts(scene.facts).unreadable)
