"""The three words: never calm without proof and sight, never calmer than the worst that is known."""

import pytest

from wachhund.ledger import Fault, Link, Newest
from wachhund.web.facts import recently_dropped, said_sensors
from wachhund.web.standing import PROOF, Word, as_connected, as_last_said, control, coverage, presence, proof

NOW = 1_700_000_000.0
SENSES = ("process", "tcp", "relay", "camera", "microphone", "udp")
SEEING = {name: {"state": "event", "dropped": 0} for name in SENSES}
VERIFIED = Word("verified", "good", "", NOW)
FULL = Word("full", "good", "", NOW)
SESSION = {"id": "s", "surface": "ssh", "first_t": NOW - 5, "origin": [{"hop": "address", "address": "192.0.2.1"}]}


def newest(age: float, fresh_age: float | None) -> Newest:
    return Newest(NOW - age, None, None if fresh_age is None else NOW - fresh_age, "c", 1, "b", 1, 1)


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (None, "new"),
        (newest(1, 1), "verified"),
        (newest(59.9, 59.9), "verified"),
        (newest(60, 60), "late"),
        (newest(1, 61), "late"),
        (newest(1, None), "late"),
        (newest(299, 299), "late"),
        (newest(300, 300), "silent"),
    ],
)
def test_presence_follows_from_stored_facts_and_the_clock(last: Newest | None, word: str) -> None:
    """A backlog that pours in (old nonces) is late, however much of it comes: it says nothing of now."""
    assert presence(last, NOW - 1000, NOW).word == word


def test_a_connection_that_ended_is_told_beside_the_proof_until_evidence_comes_again() -> None:
    """A hint for speed, never proof: the word stays what evidence makes it."""
    last = newest(5, 5)
    fresh = presence(last, NOW - 1000, NOW)
    gone = as_connected(fresh, last, Link("r", False, NOW - 2))
    assert (gone.word, gone.tone) == ("verified", "warn") and "connection to the broker has ended" in gone.reason
    assert control([], gone, FULL).word == "unknown", "who cannot be heard any more cannot say that nobody is there"
    for link in (None, Link("r", True, NOW - 2), Link("r", False, NOW - 6)):
        assert as_connected(fresh, last, link) == fresh
    silent = presence(newest(400, 400), NOW - 1000, NOW)
    assert as_connected(silent, newest(400, 400), Link("r", False, NOW - 2)) == silent


@pytest.mark.parametrize(
    ("state", "word"), [("new", "new"), ("active", "verified"), ("revoked", "revoked"), ("retired", "retired")]
)
def test_evidence_of_a_key_that_nobody_stands_for_is_not_verified(state: str, word: str) -> None:
    assert proof(newest(1, 1), [], NOW - 1000, NOW, state).word == word
    forked = proof(newest(1, 1), [Fault("fork", "two tokens for one place", NOW - 50)], NOW - 1000, NOW, state)
    assert forked.word == (word if state in ("revoked", "retired") else "broken")
    assert proof(newest(400, 400), [], NOW - 1000, NOW, "new").word == "silent"


@pytest.mark.parametrize("state", ["new", "active", "revoked", "retired"])
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("last", [None, newest(1, 1), newest(1, 61), newest(61, 61), newest(301, 301)])
def test_the_word_of_proof_is_the_first_of_its_table_that_holds(state: str, broken: bool, last: Newest | None) -> None:
    """What an operator decided comes before what evidence shows, and that before whether any comes."""
    faults = [Fault("gap", "Something is missing.", NOW - 50)] if broken else []
    word = proof(last, faults, NOW - 1000, NOW, state)
    age = None if last is None else NOW - last.received_t
    fresh = last is not None and last.fresh_t is not None and NOW - last.fresh_t < 60
    holds = {
        "revoked": state == "revoked",
        "retired": state == "retired",
        "broken": broken,
        "silent": age is not None and age >= 300,
        "late": age is not None and (age >= 60 or not fresh),
        "new": age is None or state == "new",
        "verified": True,
    }
    # Only one of new, silent and late can come before the others: who never spoke is not late.
    order = ["revoked", "retired", "broken", "silent", "late", "new", "verified"]
    assert word.word == next(name for name in order if holds[name])
    assert word.since_t is not None or (word.word in ("revoked", "retired") and last is None)
    assert {one.word for one in PROOF} == set(order)


def test_broken_is_told_by_what_says_most() -> None:
    """A robot with a hundred gaps and a copied key has a copied key."""
    gaps = [Fault("gap", f"Gap {number}.", NOW - 500 + number) for number in range(5)]
    word = proof(newest(1, 1), [*gaps, Fault("two-signers", "Two sign.", NOW)], NOW, NOW)
    assert word.reason == "Two sign. Gap 0. Gap 1. And 3 more. (presence: verified)" and word.since_t == NOW - 500


def test_broken_outranks_presence_and_keeps_it_beside() -> None:
    """A robot that speaks with a copied key is not thereby believed."""
    word = proof(newest(1, 1), [Fault("fork", "two tokens for one place", NOW - 50)], NOW, NOW)
    assert (word.word, word.tone, word.since_t) == ("broken", "bad", NOW - 50)
    assert "two tokens" in word.reason and "verified" in word.reason


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "full"),
        ({"relay": {"state": "poll"}}, "partly blind"),
        ({"relay": {"state": "blind", "why": "no root"}}, "partly blind"),
        ({"tcp": {"state": "event", "recently_dropped": 3}}, "partly blind"),
        ({"process": {"state": "blind"}}, "blind"),
        ({"tcp": {"state": "blind"}}, "blind"),
        ({"tcp": {"state": "nonsense"}}, "blind"),
    ],
)
def test_coverage_is_as_good_as_its_worst_sense(changed: dict[str, dict[str, object]], word: str) -> None:
    """Without processes or flows nothing can be said of who is there."""
    assert coverage({**SEEING, **changed}, NOW).word == word


def test_coverage_is_not_full_while_nothing_looks_at_the_cameras() -> None:
    """ "Full" would be read as "everything"; a sense that this version lacks is said beside those that it has."""
    senses = {sense: {"state": "event", "dropped": 0} for sense in ("process", "tcp", "relay")}
    word = coverage(senses, NOW)
    assert word.word == "partly blind" and "camera, udp" in word.reason


def test_full_says_what_is_looked_at_only_now_and_then() -> None:
    """A look every ten seconds is no blindness, and no full sight of it either: the reason names it."""
    word = coverage({**SEEING, "ros-master": {"state": "poll"}, "stations": {"state": "poll"}}, NOW)
    assert word.word == "full" and word.reason.endswith("only now and then: ros-master"), "stations last"


def test_coverage_is_not_full_while_any_sensor_is_blind() -> None:
    """Also one that this host does not know the name of: the robot says itself that something is not seen."""
    word = coverage({**SEEING, "bluetooth": {"state": "blind", "why": "no right"}}, NOW)
    assert word.word == "partly blind" and "bluetooth (no right)" in word.reason


def test_a_robot_that_never_said_what_it_sees_is_blind() -> None:
    """No news is not full sight."""
    assert coverage(None, None).word == "blind"
    assert coverage({}, NOW).word == "blind"


def test_what_was_said_once_is_no_calm_word_now() -> None:
    """Green while silent is how other dashboards lied."""
    late = Word("late", "warn", "", NOW)
    assert as_last_said(FULL, late).tone == "open"
    assert as_last_said(FULL, VERIFIED) is FULL


@pytest.mark.parametrize("word", ["late", "silent", "new", "broken"])
def test_nobody_needs_proof(word: str) -> None:
    """ "unknown, because ..." until somebody who looked says so freshly."""
    said = control([], Word(word, "bad", "the reason", NOW - 70), FULL)
    assert said.word == "unknown" and "the reason" in said.reason and said.since_t == NOW - 70


def test_nobody_needs_sight() -> None:
    """The same for a blind sense; one that polls may still say nobody, beside the word "partly blind"."""
    assert control([], VERIFIED, Word("blind", "bad", "no flows", NOW)).word == "unknown"
    assert control([], VERIFIED, Word("partly blind", "warn", "", NOW)).word == "nobody"
    assert control([], VERIFIED, FULL).word == "nobody"


@pytest.mark.parametrize("word", ["verified", "late", "silent", "broken"])
def test_not_allowed_stays_whatever_becomes_of_proof(word: str) -> None:
    """Cutting the robot's network must not turn the alarm into a shrug."""
    session = {**SESSION, "authorisation": None, "incident": "i1"}
    assert control([session], Word(word, "bad", "", NOW), FULL).word == "NOT ALLOWED"


def test_a_session_that_nobody_spoke_about_is_unknown_and_one_that_was_allowed_is_allowed() -> None:
    """Calm is only what somebody allowed."""
    assert control([SESSION], VERIFIED, FULL).word == "unknown"
    assert control([{**SESSION, "authorisation": "a1"}], VERIFIED, FULL).word == "allowed"


def test_lost_events_count_for_ten_minutes_and_across_restarts() -> None:
    """The counter falls back to zero when the agent starts anew: that is not a negative loss."""

    def said(age: float, dropped: object) -> tuple[float, dict[str, dict[str, object]]]:
        return NOW - age, {"tcp": {"dropped": dropped}}

    assert recently_dropped([said(900, 5), said(10, 5)], NOW) == {}
    assert recently_dropped([said(900, 5), said(10, 8)], NOW) == {"tcp": 3}
    assert recently_dropped([said(900, 5), said(10, 2)], NOW) == {"tcp": 2}
    assert recently_dropped([said(10, "many"), said(5, -1)], NOW) == {}


def test_a_coverage_statement_of_any_shape_is_survived() -> None:
    """Robots send what they like."""
    assert said_sensors(None) is None
    assert said_sensors({"sensors": [1]}) is None
    assert said_sensors({"sensors": {"tcp": 3, "relay": {"state": "poll"}}}) == {"relay": {"state": "poll"}}
