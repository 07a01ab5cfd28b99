"""The demo passes only when the host told the truth, which it was not given."""

from dataclasses import replace
from typing import Any

import pytest

from wachhund.demo.outcome import Witnesses, compare
from wachhund.demo.scene import Cast

CAST = Cast(
    relay_pid=4711,
    relay_exe="/tmp/x/fufidid",
    console_pid=4700,
    console_port=23,
    outside_address="203.0.113.9",
    stock_pids=frozenset({4601, 4602}),
)
OURS = frozenset({4000})


def incident(**changed: Any) -> dict[str, Any]:
    """What a truthful host says of the scene."""
    said: dict[str, Any] = {
        "id": "i-1",
        "level": "critical",
        "title": "Remote control not allowed",
        "origin": [
            {"hop": "address", "address": "203.0.113.9", "port": 443},
            {"hop": "process", "role": "relay", "exe": "/tmp/x/fufidid", "pid": 4711, "user": "root"},
            {"hop": "loopback"},
            {"hop": "service", "name": "telnet", "port": 23},
        ],
        "sessions": [],
        "evidence": [{"chain": "c", "seq": 3, "items": [0, 1]}],
    }
    said.update(changed)
    return said


@pytest.fixture
def witnesses() -> Witnesses:
    """The robot saw the relay (item 0), the console (item 1) and a child of the noise (item 2)."""
    seen = Witnesses()
    seen.note("c", 3, 0, {"pid": 4711, "ppid": 4000})
    seen.note("c", 3, 1, {"pid": 4700, "ppid": 4000})
    seen.note("c", 3, 2, {"pid": 4999, "ppid": 4601})
    seen.note("c", 3, 3, {"pid": 77, "ppid": 1})
    return seen


def test_the_truth_passes(witnesses: Witnesses) -> None:
    """Right program, right address, certain, nobody else."""
    outcome = compare([incident()], CAST, OURS, witnesses, has_outside=True)
    assert (outcome.why, outcome.certain, outcome.others) == ((), True, ())


def test_silence_fails(witnesses: Witnesses) -> None:
    """With the sensor dead no incident comes; that must not look like calm."""
    outcome = compare([], CAST, OURS, witnesses, has_outside=True)
    assert outcome.scene is None
    assert outcome.why == ("no incident names pid 4711 (/tmp/x/fufidid)",)


def test_the_wrong_program_fails(witnesses: Witnesses) -> None:
    """An incident of the right shape about another process is a guess."""
    wrong = incident(origin=[{"hop": "address", "address": "203.0.113.9"}, {"hop": "process", "pid": 4712}])
    assert compare([wrong], CAST, OURS, witnesses, has_outside=True).why


def test_the_wrong_address_fails(witnesses: Witnesses) -> None:
    """The question is who comes in, not only through what."""
    wrong = incident(origin=[{"hop": "address", "address": "203.0.113.10"}, {"hop": "process", "pid": 4711}])
    outcome = compare([wrong], CAST, OURS, witnesses, has_outside=True)
    assert outcome.why == ("the incident does not name 203.0.113.9, where the visitor came from",)


def test_where_there_is_no_outside_the_chain_may_end_at_loopback(witnesses: Witnesses) -> None:
    """A system that forbids namespaces has no outside address to find."""
    local = incident(level="medium", origin=[{"hop": "process", "pid": 4711}, {"hop": "loopback"}])
    assert compare([local], CAST, OURS, witnesses, has_outside=False).why == ()


def test_a_suspicion_that_never_became_certain_fails(witnesses: Witnesses) -> None:
    """The visitor moved kilobytes: that has to be enough."""
    outcome = compare([incident(level="medium")], CAST, OURS, witnesses, has_outside=True)
    assert outcome.why == ("the incident stayed medium: the visit was never certain",)


def test_accusing_a_child_of_the_noise_fails(witnesses: Witnesses) -> None:
    """Stock noise that raises an alert is how a monitor gets switched off."""
    noisy = incident(id="i-2", origin=[], evidence=[{"chain": "c", "seq": 3, "items": [2]}])
    outcome = compare([incident(), noisy], CAST, OURS, witnesses, has_outside=True)
    assert outcome.why == ("incident i-2 accuses pid 4999, which only belongs to the scene's noise",)


def test_what_else_runs_on_this_machine_is_listed_apart(witnesses: Witnesses) -> None:
    """A tunnel that really runs on the machine is no fault of the demo."""
    foreign = incident(id="i-3", origin=[], evidence=[{"chain": "c", "seq": 3, "items": [3]}])
    outcome = compare([foreign, incident()], CAST, OURS, witnesses, has_outside=True)
    assert outcome.why == ()
    assert [other["id"] for other in outcome.others] == ["i-3"]


def test_what_a_visitor_starts_is_his_and_no_bystanders(witnesses: Witnesses) -> None:
    """On a robot of its own even the service that he uses was started by the demo."""
    witnesses.note("c", 3, 4, {"pid": 4701, "ppid": 4700})
    told = incident(evidence=[{"chain": "c", "seq": 3, "items": [1, 4]}])
    witnesses.note("c", 3, 5, {"pid": 4700, "ppid": 4000})
    assert compare([told], CAST, OURS, witnesses, has_outside=True).why == ()


def test_where_the_surface_is_known_its_session_has_to_be_named(witnesses: Witnesses) -> None:
    """That a tunnel stands is not yet that somebody came through it."""
    cast = replace(CAST, surface="ssh")
    assert compare([incident()], cast, OURS, witnesses, has_outside=True).why == (
        "the incident names no session by ssh through pid 4711",
    )
    session = {"surface": "ssh", "origin": incident()["origin"]}
    assert compare([incident(sessions=[session])], cast, OURS, witnesses, has_outside=True).why == ()
