"""Silences: what they hold back, wholly or not at all; their ends; what they would have hidden."""

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.host.alerts.stories import BEGAN, incident, session
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.covering import covers
from wachhund.alerts.life import standing
from wachhund.alerts.ringing import BY_MAINTENANCE, BY_SILENCE, ringing
from wachhund.alerts.silences import Typed, draft, from_incident, preview, wide_in
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import Life
from wachhund.ledger.silence_records import UNMATCHED_S, Silence
from wachhund_evidence import MisuseError

NOW = BEGAN + 60


def silence(**changed: Any) -> Silence:
    """One of everything on robot r1 that holds for two hours."""
    fields: dict[str, Any] = {
        "robots": ("r1",), "rules": None, "kinds": None, "surfaces": None, "sources": None, "critical": True,
        "maintenance": False, "ends_unused": False,
    }  # fmt: skip
    return Silence("s1", **{**fields, **changed}, from_t=NOW, until_t=NOW + 7200, why="w", author="anna", made_t=NOW)


def test_a_silence_holds_messages_back_and_the_incident_stands_as_before() -> None:
    """It stops messages only."""
    now = ringing(incident(), Life("i1"), [silence()], NOW + 1)
    assert not now.rings and now.held is not None
    assert (now.held.by, now.held.id, now.held.who, now.held.until_t) == (BY_SILENCE, "s1", "anna", NOW + 7200)
    assert now.standing == standing(incident(), Life("i1"), NOW + 1)
    maintained = ringing(incident(), Life("i1"), [silence(maintenance=True)], NOW + 1)
    assert maintained.held is not None and maintained.held.by == BY_MAINTENANCE


def test_it_rings_when_the_silence_is_over_and_is_then_news_still() -> None:
    """The episode is the same, so who was not told is told now."""
    held, free = (ringing(incident(), Life("i1"), [silence()], t) for t in (NOW + 1, NOW + 7201))
    assert free.rings and held.episode == free.episode


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({"robots": ("r2",)}, False),
        ({"robots": None, "kinds": ("remote-control",)}, True),
        ({"kinds": ("tunnel",)}, False),
        ({"rules": ("relay up",)}, True),
        ({"rules": ("Another",)}, False),
        ({"surfaces": ("ssh", "web")}, True),
        ({"surfaces": ("web",)}, False),
        ({"sources": ("203.0.113.0/24",)}, True),
        ({"sources": ("198.51.100.9/32",)}, False),
        ({"critical": False}, False),
    ],
)
def test_it_covers_only_what_lies_within_all_that_it_names(scope: dict[str, Any], covered: bool) -> None:
    assert covers(silence(**scope), incident()) is covered


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        ({"sources": ("203.0.113.7/32",)}, incident(session(), session("two", "198.51.100.9"))),
        ({"sources": ("203.0.113.7/32",)}, incident(session(), session("two", None))),
        ({"surfaces": ("ssh",)}, incident(session(), session("two", surface="web"))),
        ({"rules": ("relay up",)}, incident(rules=["relay up", "Reverse shell"])),
        ({"sources": ("0.0.0.0/0",)}, incident(session(address="<b>not an address"))),
        ({"critical": False}, incident(level="whatever a robot says")),
    ],
)
def test_an_attacker_cannot_hide_behind_what_is_silenced(scope: dict[str, Any], more: dict[str, Any]) -> None:
    """Half of an incident is never silenced."""
    assert not covers(silence(**scope), more)


def test_what_is_critical_is_silenced_for_4_hours_at_most(ledger: Ledger, player: Player) -> None:
    typed = Typed(robots=("go1-07",), critical=True, until="5h", why="lab")
    with pytest.raises(MisuseError, match="4 hours at most"):
        draft(typed, ledger, "anna", NOW)
    assert draft(replace(typed, critical=False), ledger, "anna", NOW).until_t == NOW + 5 * 3600


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (Typed(), "why"),
        (Typed(why="x"), "scope: that would silence everything"),
        (Typed(why="x", robots=("nemo",)), "nemo"),
        (Typed(why="x", kinds=("party",)), "kind"),
        (Typed(why="x", surfaces=("floor",)), "surface"),
        (Typed(why="x", sources=("10.0.0.1/8",)), "origin"),
        (Typed(why="x", kinds=("tunnel",), until="40d"), "until: 30 days"),
        (Typed(why="x", kinds=("tunnel",), until="2001-01-01"), "until: is over already"),
        (Typed(why="x", kinds=("tunnel",), until="soon"), "until"),
        (Typed(why="x", kinds=("tunnel",), maintenance=True), "robot: maintenance is of named robots"),
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused_by_its_field(
    ledger: Ledger, player: Player, typed: Typed, field: str
) -> None:
    """None without author, reason and end, and none of everything."""
    with pytest.raises(MisuseError, match=field):
        draft(typed, ledger, "anna", NOW)


def test_what_it_would_have_hidden_in_30_days_is_told_before(ledger: Ledger, player: Player) -> None:
    now = time.time()
    for name, age_d in (("new", 0.0), ("old", 20.0), ("older", 40.0)):
        last_t = now - age_d * 86_400
        session_of = player.session(name, origin=RELAY_PATH, incident=name, last_t=last_t)
        told = player.incident(name, sessions=[session_of], first_t=last_t, last_t=last_t)
        ledger.save_judgement(1, [told if name != "old" else {**told, "state": "closed"}], [])
    typed = Typed(robots=("go1-07",), critical=True, why="lab")
    found = preview(ledger, draft(typed, ledger, "anna", now), now)
    assert {row.incident["id"] for row in found.now} == {"new", "older"}
    assert {row.incident["id"] for row in found.past} == {"new", "old"}
    other = replace(typed, robots=(), surfaces=("web",))
    assert preview(ledger, draft(other, ledger, "anna", now), now).past == ()


def test_an_incident_offers_a_silence_as_narrow_as_it_is(ledger: Ledger, player: Player) -> None:
    told = incident(robot=player.robot.id)
    typed = replace(from_incident(told, "go1-07"), why="ours")
    one = draft(typed, ledger, "anna", NOW)
    assert (one.robots, one.surfaces, one.sources) == ((player.robot.id,), ("ssh",), ("203.0.113.7/32",))
    assert covers(one, told) and wide_in(one) == ["it also holds back what is critical, for at most 4 hours"]


def test_a_silence_is_kept_ended_once_and_never_changed(ledger: Ledger, player: Player) -> None:
    now = time.time()
    one = ledger.silencing.make(draft(Typed(kinds=("tunnel",), why="lab"), ledger, "anna", now))
    assert ledger.silencing.valid(now + 1) == [one]
    ledger.silencing.end(one.id, "ben", "enough", now + 2)
    assert ledger.silencing.valid(now + 3) == []
    with pytest.raises(MisuseError, match="over already"):
        ledger.silencing.end(one.id, "ben", "again", now + 4)
    assert [(act.act, act.by) for act in ledger.silencing.acts(one.id)] == [("made", "anna"), ("ended", "ben")]


def test_one_that_is_to_end_itself_ends_after_a_day_without_a_match(ledger: Ledger, player: Player) -> None:
    now = time.time()
    typed = Typed(kinds=("tunnel",), until="7d", ends_unused=True, why="lab")
    one = ledger.silencing.make(draft(typed, ledger, "anna", now))
    other = ledger.silencing.make(draft(replace(typed, ends_unused=False), ledger, "anna", now))
    ledger.silencing.note_matches({one.id: now + 3600})
    assert ledger.silencing.end_unused(now + UNMATCHED_S + 60) == []
    (ended,) = ledger.silencing.end_unused(now + 3600 + UNMATCHED_S + 60)
    assert (ended.id, ended.ended_by, ended.ended_why) == (one.id, "the host", "a day without a match")
    assert [valid.id for valid in ledger.silencing.valid(now + 2 * UNMATCHED_S)] == [other.id]


@pytest.mark.parametrize("moved_s", [-10_800.0, 10_800.0])
def test_ends_move_with_the_hosts_clock_and_it_is_told(ledger: Ledger, player: Player, moved_s: float) -> None:
    """A clock that was corrected neither prolongs a silence nor ends it."""
    now = time.time()
    one = ledger.silencing.make(draft(Typed(kinds=("tunnel",), why="lab"), ledger, "anna", now))
    assert ledger.silencing.move_ends("boot", 1000.0, 5.0, now) == 0.0
    assert ledger.silencing.move_ends("boot", 1002.0, 5.0, now) == 0.0
    assert ledger.silencing.move_ends("boot", 1000.0 + moved_s, 5.0, now + moved_s) == moved_s
    (moved,) = ledger.silencing.all()
    assert moved.until_t == one.until_t + moved_s
    assert ledger.silencing.valid(now + moved_s + 60) == [moved]
    assert "the host's clock moved by" in ledger.silencing.acts(one.id)[-1].why
    assert ledger.silencing.move_ends("another boot", 0.0, 5.0, now) == 0.0


def test_a_clock_set_back_while_nobody_looked_prolongs_nothing() -> None:
    """From now on it lasts no longer than it was made for."""
    one = silence()
    assert one.state(NOW - 86_400) == "valid"
    assert one.ends_t(NOW - 86_400) == NOW - 86_400 + 7200
