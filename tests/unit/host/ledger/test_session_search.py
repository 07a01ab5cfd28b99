"""Finding sessions of any moment: the same as looking at each one, and for the price of what is found."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.robots.ledger_place import ready
from wachhund.ledger import Ledger
from wachhund.ledger.session_keys import ALLOWED, NOT_ALLOWED, UNKNOWN, outside_of
from wachhund.ledger.session_search import Wanted, count, groups, page

T = 1_700_000_000.0
RELAY = {"hop": "process", "role": "relay", "exe": "/opt/x/agentd", "pid": 812, "user": "root"}


def session(name: str, first_t: float = T, last_t: float | None = None, **more: Any) -> dict[str, Any]:
    address = more.pop("address", "203.0.113.7")
    return {
        "id": name, "robot": "r1", "surface": "ssh", "user": "pi", "first_t": first_t, "last_t": last_t,
        "origin": [{"hop": "address", "address": address, "port": 443}, RELAY, {"hop": "loopback"}],
        "carrier": "relay", "tunnel": None, "authorisation": None, "bytes_in": 1, "bytes_out": 2, "incident": None,
        **more,
    }  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


def keep(ledger: Ledger, *sessions: dict[str, Any]) -> None:
    ledger.save_judgement(1, [], sessions)


def allowed(name: str, until_t: float = T + 7_200) -> dict[str, Any]:
    return {"id": name, "who": "anna", "until_t": until_t, "why": "gait"}


def test_a_moment_finds_what_looking_at_each_session_finds(ledger: Ledger) -> None:
    """Lengths from none to years, and moments on their very ends: an index must not lose one of them."""
    chance = random.Random(5)
    made = []
    for number in range(400):
        length = chance.choice([0.0, 0.4, 1.0, 2.0, 63.9, 64.0, 3_600.0, 86_400.0, 4e8]) * chance.choice([1, 0.5])
        first_t = T + chance.randrange(-5_000, 5_000)
        made.append(session(f"s{number}", first_t, None if number % 9 == 0 else first_t + length))
    keep(ledger, *made)
    for from_t, to_t in [(T, T), (T - 4_000, T - 3_000), (T + 9_999, T + 10_000), *[(T + n, T + n) for n in range(6)],
                         *[(one["last_t"],) * 2 for one in made[1:12] if one["last_t"]]]:  # fmt: skip
        there = {one["id"] for one in made if one["first_t"] <= to_t and (one["last_t"] or 9e9) >= from_t}
        found = ledger.session_search.page(Wanted(from_t, to_t), 1_000)
        assert {one["id"] for one in found} == there
        assert ledger.session_search.count(Wanted(from_t, to_t)).sessions == len(there)
    assert {one["id"] for one in ledger.session_search.page(Wanted(), 1_000)} == {
        one["id"] for one in made if one["last_t"] is None
    }


def test_the_order_is_not_allowed_then_unknown_then_the_newest(ledger: Ledger) -> None:
    keep(
        ledger, session("a", T, authorisation=allowed("a1")), session("b", T - 9, incident="i1"),
        session("c", T + 5), session("d", T + 9), session("e", T - 1, incident="i2"),
    )  # fmt: skip
    assert [one["id"] for one in ledger.session_search.page(Wanted(), 10)] == ["e", "b", "d", "c", "a"]
    assert [one["id"] for one in ledger.session_search.page(Wanted(), 2, 2)] == ["d", "c"]
    counted = ledger.session_search.count(Wanted())
    assert (counted.sessions, counted.robots) == (5, 1)
    assert counted.verdicts == {NOT_ALLOWED: 2, UNKNOWN: 2, ALLOWED: 1}


def test_filters_demand_and_exclude(ledger: Ledger) -> None:
    """Several values of one field are alternatives; what is excluded is, whatever is demanded."""
    keep(
        ledger, session("a", surface="ssh"), session("b", surface="web", user=None), session("c", surface="mqtt"),
        session("d", surface="ssh", user="root"),
    )  # fmt: skip
    find = ledger.session_search.page
    only = Wanted(only={"surface": frozenset({"ssh", "web"})}, but={"user": frozenset({"root"})})
    assert {one["id"] for one in find(only, 10)} == {"a", "b"}
    assert {one["id"] for one in find(Wanted(but={"user": frozenset({"pi"})}), 10)} == {"b", "d"}
    assert {one["id"] for one in find(Wanted(only={"user": frozenset({""})}), 10)} == {"b"}


def test_groups_say_on_how_many_robots_and_put_the_gravest_first(ledger: Ledger) -> None:
    """One address on twelve robots is one story; a relay's inner side is nobody's address."""
    many = [session(f"m{n}", robot=f"r{n}", address="198.51.100.4") for n in range(12)]
    keep(ledger, *many, session("x", incident="i1", address="203.0.113.9"), session("y", robot="r1", origin=[]))
    number, found = ledger.session_search.groups(Wanted(), "origin", 10)
    assert number == 3
    assert [(one.value, one.robots, one.sessions, one.not_allowed) for one in found] == [
        ("203.0.113.9", 1, 1, 1), ("198.51.100.4", 12, 12, 0), ("", 1, 1, 0),
    ]  # fmt: skip
    assert ledger.session_search.groups(Wanted(), "origin", 1, 1)[1][0].value == "198.51.100.4"


def test_a_robots_own_address_is_nobodys_origin() -> None:
    """Behind a relay everybody is "localhost": that is not where they are."""
    inner = [{"hop": "address", "address": "127.0.0.1"}, {"hop": "address", "address": "::1"}]
    assert outside_of(inner) == ""
    assert outside_of([*inner, {"hop": "address", "address": "203.0.113.7"}]) == "203.0.113.7"


def _work(connection: Connection, wanted: Wanted) -> int:
    """Steps of SQLite's machine for a page, its counts and its groups."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    raw.set_progress_handler(step, 10)
    page(connection, wanted, 50, 0)
    count(connection, wanted)
    groups(connection, wanted, "origin", 50, 0)
    raw.set_progress_handler(None, 0)
    return steps


@pytest.mark.of_the_file
@pytest.mark.parametrize("then", [False, True], ids=["now", "then"])
def test_a_page_costs_what_it_finds_and_not_what_is_kept(ledger: Ledger, then: bool) -> None:
    """Ten times as many sessions that ended at other times must not make it slower, at the beginning, the middle or
    the end of what is kept: counted in SQLite's own steps, which no busy machine changes."""
    wanted = Wanted(T, T) if then else Wanted()
    keep(ledger, *[session(f"now{n}", T - 50) for n in range(30)])
    keep(ledger, *[session(f"then{n}", T - 60, T + 60) for n in range(30)])

    def others(number: int) -> list[dict[str, Any]]:
        chance = random.Random(number)
        around = [T + chance.choice([-1, 1]) * chance.uniform(4_000, 2e6) for _ in range(number)]
        return [session(f"o{number}-{n}", t, t + chance.uniform(1, 1_800)) for n, t in enumerate(around)]

    keep(ledger, *others(400))
    with ledger.moment() as connection:
        few = _work(connection, wanted)
    keep(ledger, *others(4_000))
    with ledger.moment() as connection:
        many = _work(connection, wanted)
    assert many < 1.2 * few


@pytest.mark.of_the_file
def test_what_is_counted_and_grouped_is_read_from_an_index_alone(ledger: Ledger) -> None:
    """A table of texts of sessions is large: none but those of the page are touched."""
    asked: list[tuple[str, Any]] = []
    with ledger.moment() as connection:
        event.listen(connection, "before_cursor_execute", lambda c, u, text, values, x, m: asked.append((text, values)))
        count(connection, Wanted(T, T))
        groups(connection, Wanted(), "user", 10, 0)
        plans = [row[3] for text, values in list(asked)
                 for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]  # fmt: skip
    touching = [line for line in plans if " sessions" in line]
    assert touching and all("COVERING INDEX sessions_" in line for line in touching)


def test_an_authorisation_stays_used_when_its_session_goes_on_without_it(ledger: Ledger) -> None:
    """When its time is over the session is alerted, and covered by none: it was used all the same."""
    keep(ledger, session("a", T, authorisation=allowed("a1")), session("b", T, T + 60, authorisation=allowed("a2")))
    uses = ledger.authorisation_uses.all()
    assert (uses["a1"].covers, uses["a2"].covers, uses["a2"].last_t) == (1, 0, T + 60)
    keep(ledger, session("a", T, incident="i1"))
    ended = ledger.authorisation_uses.all()["a1"]
    assert (ended.covers, ended.first_t, ended.last_t) == (0, T, T + 7_200)


@pytest.mark.of_the_file
def test_sessions_of_an_older_ledger_get_their_keys(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger that was made before there were keys is searched like any other."""
    keep(ledger, session("a", T, T + 60, authorisation=allowed("a1")), session("b", T))
    ledger.close()
    raw = sqlite3.connect(tmp_path / "ledger.sqlite")
    for act in ("insert", "update", "delete"):
        raw.execute(f"DROP TRIGGER sessions_{act}_marks_an_origin")
        raw.execute(f"DROP TRIGGER robot_labels_{act}_marks_origins")
    for index in ("sessions_open", "sessions_ended", "sessions_by_authorisation", "sessions_by_who"):
        raw.execute(f"DROP INDEX {index}")
    for column in ("carrier", "outside", "user_name", "verdict", "authorisation", "length_class"):
        raw.execute(f"ALTER TABLE sessions DROP COLUMN {column}")
    raw.execute("DROP TABLE authorisation_uses")
    raw.execute("DELETE FROM migrations WHERE name = 'session_keys'")
    raw.commit()
    raw.close()
    again = Ledger.open(tmp_path / "ledger.sqlite")
    found = again.session_search.page(Wanted(T + 1, T + 1, only={"origin": frozenset({"203.0.113.7"})}), 10)
    assert [one["id"] for one in found] == ["b", "a"]
    assert again.authorisation_uses.all()["a1"].last_t == T + 60
    again.close()
