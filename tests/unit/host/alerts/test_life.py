"""Where an incident stands: what people did, what the judge found since, and the time, in one table."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.host.alerts.stories import BEGAN, incident, session
from wachhund.alerts.handling import Shown, Wanted, decide
from wachhund.alerts.life import ACK_S, CAME_BACK, REASONS, STATES, TABLE, ends_of, standing
from wachhund.alerts.ringing import BY_ACKNOWLEDGEMENT, BY_CLOSE, ringing
from wachhund.ledger.handling_records import (
    ACKNOWLEDGE,
    ACKNOWLEDGED,
    ASSIGN,
    CLOSE,
    CLOSED,
    COMMENT,
    OPEN,
    REOPEN,
    Life,
    life_of,
)
from wachhund_evidence import MisuseError

NOW = BEGAN + 60


def after(act: str, told: dict[str, Any], life: Life | None = None, detail: str = "", t: float = NOW) -> Life:
    """The life of an incident after an act of Anna's."""
    _, became = decide(told, life or Life("i1"), Shown("i1"), Wanted(act, "anna", t, "looking", detail))
    return became


def test_what_nobody_looked_at_needs_somebody() -> None:
    now = ringing(incident(), Life("i1"), [], NOW)
    assert (now.standing.state, now.rings, now.held) == (OPEN, True, None)


def test_an_acknowledgement_holds_it_for_30_minutes_and_says_who() -> None:
    life = after(ACKNOWLEDGE, incident())
    now = ringing(incident(), life, [], NOW + 1)
    assert not now.rings and now.owner == "anna"
    assert now.held is not None and (now.held.by, now.held.who, now.held.until_t) == (
        BY_ACKNOWLEDGEMENT, "anna", NOW + ACK_S,
    )  # fmt: skip


def test_it_rings_again_after_30_minutes_only_while_it_goes_on() -> None:
    """An acknowledged alert that is over must not wake anybody (ux-anchors: it rang months later)."""
    goes_on, over = incident(), incident(session(last_t=BEGAN + 5))
    later = NOW + ACK_S + 1
    assert ringing(goes_on, after(ACKNOWLEDGE, goes_on), [], later).rings
    assert not ringing(over, after(ACKNOWLEDGE, over), [], later).rings


@pytest.mark.parametrize(
    ("more", "news"),
    [
        (incident(session(), session("two", surface="web")), "a new surface"),
        (incident(session(), session("two", "198.51.100.9")), "a new origin"),
        (incident(session(), session("two", None)), "a new origin"),
        (incident(robot="r2"), "a new robot"),
    ],
)
def test_a_new_surface_origin_or_robot_rings_at_once(more: dict[str, Any], news: str) -> None:
    """An acknowledgement is of what was seen, and hides no growth."""
    life = after(ACKNOWLEDGE, incident())
    now = ringing(more, life, [], NOW + 1)
    assert now.rings and now.standing.news == (news,)
    assert now.episode != ringing(incident(), life, [], NOW + 1).episode


def test_a_graver_level_rings_and_another_session_of_the_same_does_not() -> None:
    life = after(ACKNOWLEDGE, incident(level="medium"))
    assert ringing(incident(level="high"), life, [], NOW + 1).rings
    again = incident(session(), session("two"), level="medium")
    assert not ringing(again, life, [], NOW + 1).rings


def test_acknowledging_what_grew_covers_the_growth() -> None:
    more = incident(session(), session("two", "198.51.100.9"))
    life = after(ACKNOWLEDGE, more, after(ACKNOWLEDGE, incident()))
    assert not ringing(more, life, [], NOW + 1).rings


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_closed_comes_back_by_whatever_was_not_there(reason: str) -> None:
    """A close is of what was seen too."""
    life = after(CLOSE, incident(), detail=reason)
    now = ringing(incident(), life, [], NOW + 1)
    assert now.standing.state == CLOSED and now.held is not None and now.held.by == BY_CLOSE
    for more in (
        incident(session(), session("two")),
        incident(session(), session("two", "198.51.100.9")),
        incident(rules=["relay up", "Reverse shell"]),
    ):
        back = ringing({**more, "last_t": NOW + 5}, life, [], NOW + 6)
        assert back.rings and back.standing.state == CAME_BACK


def test_a_false_alarm_may_go_on_and_a_real_one_may_not() -> None:
    """Who says "test" says that the session may stay; who says "real" says that it is over."""
    more = incident(last_t=NOW + 100)
    assert standing(more, after(CLOSE, incident(), detail="test"), NOW + 101).state == CLOSED
    assert standing(more, after(CLOSE, incident(), detail="false alarm"), NOW + 101).state == CLOSED
    assert standing(more, after(CLOSE, incident(), detail="real"), NOW + 101).state == CAME_BACK
    assert standing(more, after(CLOSE, incident(), detail="cannot tell"), NOW + 101).state == CAME_BACK


def test_a_false_alarm_that_was_over_comes_back_by_any_sign() -> None:
    over = incident(session(last_t=BEGAN + 5))
    life = after(CLOSE, over, detail="false alarm")
    assert standing({**over, "last_t": NOW + 100}, life, NOW + 101).state == CAME_BACK


def test_what_the_judge_closed_and_opened_again_came_back() -> None:
    closed = incident(state="closed", close_reason="allowed")
    assert standing(closed, Life("i1"), NOW).state == CLOSED
    assert standing(incident(came_back=True), Life("i1"), NOW).state == CAME_BACK
    life = after(CLOSE, incident(), detail="allowed afterwards")
    assert standing(closed, life, NOW).state == CLOSED
    assert standing(incident(came_back=True), life, NOW).state == CAME_BACK


def test_a_person_may_open_again_what_the_judge_closed() -> None:
    closed = incident(state="closed", close_reason="allowed")
    life = after(REOPEN, closed)
    assert ringing(closed, life, [], NOW + 1).rings
    assert standing(closed, after(ACKNOWLEDGE, closed, life), NOW + 1).state == ACKNOWLEDGED
    assert standing(closed, after(CLOSE, closed, life, detail="test"), NOW + 1).state == CLOSED


def test_a_session_that_loses_its_authorisation_is_news() -> None:
    """It was not among what nobody had allowed when somebody decided."""
    allowed = incident(session(), session("two", "198.51.100.9", authorisation={"id": "a1"}))
    lapsed = incident(session(), session("two", "198.51.100.9"))
    assert ringing(lapsed, after(ACKNOWLEDGE, allowed), [], NOW + 1).rings
    assert standing(lapsed, after(CLOSE, allowed, detail="test"), NOW + 1).state == CAME_BACK


def test_a_clock_set_back_does_not_prolong_an_acknowledgement() -> None:
    life = after(ACKNOWLEDGE, incident())
    assert ends_of(life, NOW - 7200) == NOW - 7200 + ACK_S


def test_a_life_is_kept_whole() -> None:
    life = after(ACKNOWLEDGE, incident())
    assert life_of(life.to_json()) == life


def test_an_act_that_the_table_does_not_have_is_refused() -> None:
    closed = after(CLOSE, incident(), detail="test")
    with pytest.raises(MisuseError, match="it is closed: acknowledge is not possible"):
        after(ACKNOWLEDGE, incident(), closed)
    with pytest.raises(MisuseError, match="reopen is not possible"):
        after(REOPEN, incident())


ACTS = st.sampled_from(
    [(ACKNOWLEDGE, ""), (ASSIGN, "ben"), (COMMENT, ""), (REOPEN, ""), *((CLOSE, one) for one in REASONS)]
)
Change = Callable[[dict[str, Any]], dict[str, Any]]


def _more(address: str) -> Change:
    return lambda told: {
        **told, "sessions": [*told["sessions"], session(f"n{len(told['sessions'])}", address)],
        "last_t": told["last_t"] + 1, "state": "open",
    }  # fmt: skip


CHANGES: tuple[Change, ...] = (
    _more("203.0.113.7"), _more("198.51.100.9"), _more("192.0.2.1"),
    lambda told: {**told, "last_t": told["last_t"] + 1},
    lambda told: {**told, "sessions": [{**one, "last_t": told["last_t"]} for one in told["sessions"]]},
    lambda told: {**told, "state": "closed", "close_reason": "allowed"},
    lambda told: {**told, "state": "open", "close_reason": None, "came_back": True, "last_t": told["last_t"] + 1},
)  # fmt: skip
STEPS = st.lists(st.one_of(ACTS, st.sampled_from(CHANGES), st.floats(1.0, 4000.0)), max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a busy machine, not of the test
@given(STEPS)
def test_whatever_happens_it_stands_somewhere_and_hides_nothing_that_nobody_saw(steps: list[Any]) -> None:
    """The table is whole; and while anything is there that nobody allowed and that was not there at the last decision,
    it rings, unless the judge closed it."""
    told, life, now = incident(), Life("i1"), NOW
    decided: set[str] | None = None
    for step in steps:
        if isinstance(step, float):
            now += step
        elif callable(step):
            told = step(told)
        else:
            before = standing(told, life, now).state
            try:
                _, life = decide(told, life, Shown("i1"), Wanted(step[0], "anna", now, "", step[1]))
            except MisuseError:
                assert (before, step[0]) not in TABLE
                continue
            assert standing(told, life, now).state == TABLE[before, step[0]]
            if step[0] in (ACKNOWLEDGE, CLOSE):
                decided = {one["origin"][0]["address"] for one in told["sessions"]}
        found = ringing(told, life, [], now)
        assert found.standing.state in STATES
        assert found.rings == found.standing.needs_somebody == (found.held is None)
        here = {one["origin"][0]["address"] for one in told["sessions"]}
        if told["state"] == "open" and (decided is None or not here <= decided):
            assert found.rings
        assert life.state != ACKNOWLEDGED or ends_of(life, now) <= now + ACK_S
