"""The roll: who may become what, who enrols by which invitation, and that every change stays on record."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from tests.robots.host_bench import keys_of_some_host
from tests.robots.ledger_place import beside, ready
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.registration import new_robot
from wachhund.ledger import EnrolmentRefused, Invited, Ledger, Robot, RobotKey
from wachhund.ledger.roll import ACTIVE, LIFECYCLE, NEW, RETIRED, REVOKED
from wachhund_evidence import MisuseError

STATES = (NEW, ACTIVE, REVOKED, RETIRED)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    yield opened
    opened.close()


def robot_of(ledger: Ledger, name: str = "rex") -> Robot:
    row, _ = new_robot(name, ScriptedRobot().public_pem, keys_of_some_host())
    ledger.add_robot(row)
    return row


def key(kid: str, t: float = 100.0) -> RobotKey:
    return RobotKey(kid, "", f"ueid of {kid}", f"pem of {kid}", t, None)


def invitation(hashed: str, name: str = "rex", purpose: str = "first", robot: str = "abcdefghij") -> Invited:
    return Invited(hashed, robot, name, purpose, 50.0, 150.0)


def put(ledger: Ledger, state: str) -> Robot:
    """A robot in that state, by the acts that lead there."""
    ledger.invite(invitation("h"), "test")
    robot, _ = ledger.enrol("h", key("first"), "hash", "said")
    for act in {NEW: (), ACTIVE: ("accept",), REVOKED: ("accept", "revoke"), RETIRED: ("retire",)}[state]:
        robot = ledger.change_robot(robot.id, act, "test")
    assert robot.state == state
    return robot


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("act", ["accept", "revoke", "retire"])
def test_an_act_is_done_where_the_table_allows_it_and_nowhere_else(ledger: Ledger, state: str, act: str) -> None:
    robot, step = put(ledger, state), LIFECYCLE[act]
    before = len(ledger.robot_acts(robot.id))
    if state in step.before:
        assert ledger.change_robot("rex", act, "alice", "why").state == step.after
        newest = ledger.robot_acts(robot.id)[-1]
        assert (newest.act, newest.by, newest.detail) == (act, "alice", "why")
        return
    with pytest.raises(MisuseError, match=f"it is {state}"):
        ledger.change_robot("rex", act, "alice")
    assert ledger.robot(robot.id).state == state and len(ledger.robot_acts(robot.id)) == before


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("purpose", ["rotate", "replace"])
def test_a_new_key_is_let_in_where_the_table_allows_it(ledger: Ledger, state: str, purpose: str) -> None:
    robot, step = put(ledger, state), LIFECYCLE[purpose]
    if state not in step.before:
        with pytest.raises(MisuseError, match=f"it is {state}"):
            ledger.invite(invitation("h2", purpose=purpose), "test")
        return
    ledger.invite(invitation("h2", purpose=purpose), "test")
    after, again = ledger.enrol("h2", key("second", 101.0), "hash 2", "said")
    assert (after.id, after.name, after.kid, again) == (robot.id, "rex", "second", False)
    assert after.ueid == ("ueid of first" if purpose == "rotate" else "ueid of second")
    assert after.state == (state if purpose == "rotate" else NEW)
    newest, oldest = ledger.robot_keys(robot.id)
    assert (newest.kid, newest.until_t, oldest.kid) == ("second", None, "first") and oldest.until_t is not None


def test_the_same_key_gets_the_same_again_and_another_is_refused(ledger: Ledger) -> None:
    """A power cut between answer and disk burns nothing; a leaked invitation lets nobody else in."""
    ledger.invite(invitation("h"), "test")
    first, again = ledger.enrol("h", key("one"), "hash", "said")
    assert (first.state, again) == (NEW, False)
    same, again = ledger.enrol("h", key("one", 500.0), "hash", "said")
    assert (same, again) == (first, True)
    with pytest.raises(EnrolmentRefused) as refused:
        ledger.enrol("h", key("thief"), "hash", "said")
    assert refused.value.reason == "used"
    newest = ledger.robot_acts(first.id)[-1]
    assert newest.act == "enrolment-refused" and "thief" in newest.detail
    assert ledger.robot(first.id).kid == "one"


@pytest.mark.parametrize(("reason", "hashed", "t"), [("unknown", "x", 100.0), ("expired", "h", 150.0)])
def test_who_has_no_invitation_or_an_old_one_stays_outside(ledger: Ledger, reason: str, hashed: str, t: float) -> None:
    ledger.invite(invitation("h"), "test")
    with pytest.raises(EnrolmentRefused) as refused:
        ledger.enrol(hashed, key("one", t), "hash", "said")
    assert refused.value.reason == reason and ledger.robots() == []


def test_a_key_enrols_once_in_its_life(ledger: Ledger) -> None:
    put(ledger, RETIRED)
    ledger.invite(invitation("h2", name="second life", robot="bbbbbbbbbb"), "test")
    with pytest.raises(EnrolmentRefused) as refused:
        ledger.enrol("h2", key("first"), "hash", "said")
    assert refused.value.reason == "key"


def test_a_second_invitation_ends_the_first_and_a_retired_robot_has_none(ledger: Ledger) -> None:
    robot = put(ledger, ACTIVE)
    ledger.invite(invitation("h2", purpose="rotate"), "test")
    ledger.invite(invitation("h3", purpose="rotate"), "test")
    with pytest.raises(EnrolmentRefused) as refused:
        ledger.enrol("h2", key("second"), "hash", "said")
    assert refused.value.reason == "withdrawn"
    ledger.change_robot(robot.id, "retire", "test")
    with pytest.raises(EnrolmentRefused):
        ledger.enrol("h3", key("second"), "hash", "said")
    with pytest.raises(EnrolmentRefused) as refused:
        ledger.enrol("h", key("first"), "hash", "said")
    assert refused.value.reason == "state", "also its own key does not bring it back"


def test_a_second_robot_of_a_name_is_refused_also_while_the_first_is_only_invited(ledger: Ledger) -> None:
    ledger.invite(invitation("h"), "test")
    with pytest.raises(MisuseError, match="give another name"):
        ledger.invite(invitation("h2", robot="bbbbbbbbbb"), "test")
    ledger.enrol("h", key("one"), "hash", "said")
    with pytest.raises(MisuseError, match="give another name"):
        ledger.invite(invitation("h3", robot="cccccccccc"), "test")


def test_an_id_finds_its_robot_although_another_bears_it_as_its_name(ledger: Ledger) -> None:
    one = robot_of(ledger)
    other = robot_of(ledger, one.id)
    assert ledger.robot(one.id) == one and ledger.robot(other.id) == other
    with pytest.raises(MisuseError, match="no such robot"):
        ledger.robot("nobody")


def test_what_was_done_stays_on_record(ledger: Ledger) -> None:
    robot = robot_of(ledger)
    assert [act.act for act in ledger.robot_acts(robot.id)] == ["add"]
    for statement in ("UPDATE robot_acts SET act = 'x'", "DELETE FROM robot_acts"):
        with pytest.raises(IntegrityError, match="stays on record"), beside(ledger.path) as database:
            database.exec_driver_sql(statement)


@pytest.mark.of_the_file
def test_robots_of_an_older_ledger_are_active_and_keep_their_key(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    opened = Ledger.open(path)
    row = robot_of(opened)
    opened.close()
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE robot_keys")
        raw.execute("DROP TABLE robot_acts")
        raw.execute("DROP TABLE invitations")
        raw.execute("ALTER TABLE robots DROP COLUMN state")
        raw.execute("DELETE FROM migrations WHERE name = 'roll'")
    raw.close()
    opened = Ledger.open(path)
    assert opened.robots() == [row] and row.state == ACTIVE
    assert [one.kid for one in opened.robot_keys(row.id)] == [row.kid]
    opened.close()


def test_keys_of_many_robots_are_those_of_each(ledger: Ledger) -> None:
    """Those that have more than one the newest first, and nobody's where there is no such robot."""
    robot = put(ledger, ACTIVE)
    ledger.invite(invitation("h2", purpose="rotate"), "test")
    ledger.enrol("h2", key("second", 101.0), "hash 2", "said")
    found = ledger.keys_of_robots([robot.id, "nobody"])
    assert found == {robot.id: ledger.robot_keys(robot.id), "nobody": []}
    assert [one.kid for one in found[robot.id]] == ["second", "first"]
