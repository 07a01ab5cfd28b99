"""Acts on incidents in a real ledger: who did what stays, and two who act at once do not undo each other."""

import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.robots.ledger_place import beside
from tests.unit.host.alerts.stories import BEGAN
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.handling import MAX_TEXT_CHARS, Overtaken, Shown, Wanted, handle, handle_many
from wachhund.alerts.life import ACK_S, standing
from wachhund.alerts.looks import mark
from wachhund.alerts.ringing import ringing
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import ACKNOWLEDGE, ASSIGN, CLOSE, COMMENT, REOPEN
from wachhund.ledger.incident_rows import NEWEST, NOBODY, Choice, Chosen
from wachhund_evidence import MisuseError


@pytest.fixture
def judged(ledger: Ledger, player: Player) -> str:
    """An incident in the ledger; its id."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])
    return "i1"


def do(ledger: Ledger, act: str, by: str = "anna", detail: str = "", words: str = "", **shown: object) -> None:
    handle(ledger, Shown("i1", **shown), Wanted(act, by, time.time(), words, detail))  # type: ignore[arg-type]


def state(ledger: Ledger) -> str:
    found = ledger.incident("i1")
    assert found is not None
    return standing(found, ledger.handling.life("i1"), time.time()).state


def test_each_act_stays_on_record_with_who_when_and_why(ledger: Ledger, judged: str) -> None:
    do(ledger, ACKNOWLEDGE, words="looking")
    do(ledger, COMMENT, "ben", words="I know him")
    do(ledger, ASSIGN, detail="ben")
    do(ledger, CLOSE, "ben", detail="false alarm", words="our own test")
    do(ledger, REOPEN)
    told = [(act.act, act.by, act.detail, act.text) for act in ledger.handling.acts(judged)]
    assert told == [
        ("acknowledge", "anna", "", "looking"),
        ("comment", "ben", "", "I know him"),
        ("assign", "anna", "ben", ""),
        ("close", "ben", "false alarm", "our own test"),
        ("reopen", "anna", "", ""),
    ]
    assert ledger.handling.life(judged).assignee == "ben"


def test_what_was_done_cannot_be_changed_in_the_file(ledger: Ledger, judged: str) -> None:
    do(ledger, ACKNOWLEDGE)
    for statement in ("UPDATE incident_acts SET by_whom = 'x'", "DELETE FROM incident_acts"):
        with pytest.raises(DBAPIError, match="stays on record"), beside(ledger.path) as connection:
            connection.execute(text(statement))


def test_the_judge_writes_its_finding_again_and_what_people_did_stands(
    ledger: Ledger, player: Player, judged: str
) -> None:
    """Its memory is rebuilt and its rows are replaced (decision 0013): none of that is a person's word."""
    do(ledger, ACKNOWLEDGE)
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(2, [player.incident("i1", sessions=[session])], [session])
    assert state(ledger) == "acknowledged"


def test_the_second_of_two_is_told_what_the_first_did(ledger: Ledger, judged: str) -> None:
    """And nothing of the first is lost."""
    do(ledger, CLOSE, "anna", detail="test", words="mine", version=0)
    with pytest.raises(Overtaken, match=r"before you: anna closed it \(test\) at .*: mine. Nothing was changed"):
        do(ledger, ACKNOWLEDGE, "ben", version=0)
    assert state(ledger) == "closed"


def test_of_many_at_once_exactly_one_wins(ledger: Ledger, judged: str) -> None:
    """Real threads on a real file: one acknowledgement, and everybody else hears of it."""
    refused: list[str] = []
    ready = threading.Barrier(8)

    def act(name: str) -> None:
        ready.wait()
        try:
            do(ledger, ACKNOWLEDGE, name, version=0)
        except Overtaken as error:
            refused.append(str(error))

    people = [threading.Thread(target=act, args=(f"person{number}",)) for number in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    (act_kept,) = ledger.handling.acts(judged)
    assert len(refused) == 7 and all(act_kept.by in words for words in refused)


def test_comments_of_two_at_once_are_both_kept(ledger: Ledger, judged: str) -> None:
    do(ledger, COMMENT, "anna", words="one", version=0)
    do(ledger, COMMENT, "ben", words="two", version=0)
    do(ledger, ACKNOWLEDGE, "ben", version=0)
    assert [act.text for act in ledger.handling.acts(judged)] == ["one", "two", ""]


def test_nobody_decides_about_what_was_not_there_when_he_looked(ledger: Ledger, player: Player, judged: str) -> None:
    """Between loading the page and pressing the button somebody else came in."""
    seen = ledger.incident(judged)
    assert seen is not None
    other = player.session("s2", origin=[{"hop": "address", "address": "198.51.100.9", "port": 1}], incident="i1")
    first = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(2, [player.incident("i1", sessions=[first, other])], [])
    for act, detail in ((ACKNOWLEDGE, ""), (CLOSE, "test")):
        with pytest.raises(Overtaken, match="changed since you loaded the page"):
            do(ledger, act, detail=detail, mark=mark(seen))
    assert ledger.handling.acts(judged) == []


def test_a_visitor_who_connects_again_and_again_cannot_keep_it_from_being_acknowledged(
    ledger: Ledger, player: Player, judged: str
) -> None:
    seen = ledger.incident(judged)
    assert seen is not None
    sessions = [player.session(name, origin=RELAY_PATH, incident="i1") for name in ("s1", "s2")]
    ledger.save_judgement(2, [player.incident("i1", sessions=sessions)], [])
    do(ledger, ACKNOWLEDGE, mark=mark(seen))
    assert state(ledger) == "acknowledged"


def test_one_of_many_that_was_overtaken_does_not_hold_up_the_others(ledger: Ledger, player: Player) -> None:
    for name in ("i1", "i2", "i3"):
        ledger.save_judgement(1, [player.incident(name, sessions=[])], [])
    handle(ledger, Shown("i2"), Wanted(CLOSE, "ben", time.time(), "", "test"))
    many = [Shown(name, 0) for name in ("i1", "i2", "i3", "none")]
    done = handle_many(ledger, many, Wanted(ACKNOWLEDGE, "anna", time.time()))
    assert [one.refused is None for one in done] == [True, False, True, False]
    assert "ben closed it" in str(done[1].refused) and "there is none" in str(done[3].refused)


@pytest.mark.parametrize(
    ("act", "detail", "words", "field"),
    [
        (CLOSE, "because", "", "reason: one of real, false alarm, test, allowed afterwards, cannot tell"),
        (CLOSE, "", "", "reason"),
        (COMMENT, "", "  ", "comment"),
        (COMMENT, "", "x" * (MAX_TEXT_CHARS + 1), "text"),
        (COMMENT, "", "\x1b[31m", "text"),
        ("delete", "", "", "one of"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(
    ledger: Ledger, judged: str, act: str, detail: str, words: str, field: str
) -> None:
    with pytest.raises(MisuseError, match=field):
        do(ledger, act, detail=detail, words=words)
    assert ledger.handling.acts(judged) == []


def test_it_is_assigned_to_people_who_are_there(ledger: Ledger, judged: str) -> None:
    with pytest.raises(MisuseError, match="no such person"):
        handle(ledger, Shown("i1"), Wanted(ASSIGN, "anna", BEGAN, "", "nemo"), lambda name: name == "ben")
    handle(ledger, Shown("i1"), Wanted(ASSIGN, "anna", BEGAN, "", "ben"), lambda name: name == "ben")
    handle(ledger, Shown("i1"), Wanted(ASSIGN, "anna", BEGAN, "", ""), lambda name: name == "ben")
    assert ledger.handling.life("i1").assignee is None


def test_lists_are_chosen_by_one_query_with_not(ledger: Ledger, player: Player) -> None:
    """What a page shows and what it counts is the same question."""
    for name, level, surface in (("i1", "critical", "ssh"), ("i2", "low", "web"), ("i3", "high", "web")):
        session = player.session(name, origin=RELAY_PATH, surface=surface, incident=name)
        ledger.save_judgement(1, [player.incident(name, sessions=[session], level=level, surface=surface)], [])
    handle(ledger, Shown("i3"), Wanted(ASSIGN, "anna", time.time(), "", "ben"))

    def found(**chosen: Choice) -> list[str]:
        return [row.incident["id"] for row in ledger.handling.unsettled(Chosen(**chosen), "gravest")]

    assert found() == ["i1", "i3", "i2"]
    assert found(levels=Choice(("critical", "low"))) == ["i1", "i2"]
    assert found(levels=Choice((), ("low",)), surfaces=Choice(("web",))) == ["i3"]
    assert found(assignees=Choice((NOBODY,))) == ["i1", "i2"]
    assert found(assignees=Choice((), (NOBODY,))) == ["i3"]
    assert found(robots=Choice((), (player.robot.id,))) == []
    handle(ledger, Shown("i1"), Wanted(CLOSE, "anna", time.time(), "", "test"))
    assert found() == ["i3", "i2"]
    rows, counted = ledger.handling.settled(Chosen(), NEWEST, 10)
    assert ([row.incident["id"] for row in rows], counted) == (["i1"], 1)


def test_a_closed_one_that_changed_is_looked_at_again(ledger: Ledger, player: Player, judged: str) -> None:
    """Also when only its sessions' authorisations changed, which moves no time."""
    do(ledger, CLOSE, detail="test")
    assert ledger.handling.unsettled(Chosen()) == []
    found = ledger.incident(judged)
    assert found is not None
    more = [*found["sessions"], {**found["sessions"][0], "id": "s2"}]
    ledger.save_judgement(2, [{**found, "sessions": more}], [])
    (row,) = ledger.handling.unsettled(Chosen())
    assert standing(row.incident, row.life, time.time()).state == "came back"


def test_a_glance_and_the_whole_incident_stand_and_ring_alike(ledger: Ledger, judged: str) -> None:
    (row,) = ledger.handling.unsettled(Chosen())
    whole = ledger.incident(judged)
    assert whole is not None and mark(row.incident) == mark(whole)
    do(ledger, ACKNOWLEDGE)
    life = ledger.handling.life(judged)
    now = time.time() + ACK_S + 1
    assert ringing(row.incident, life, [], now) == ringing(whole, life, [], now)
