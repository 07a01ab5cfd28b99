"""Campaigns: who was on many robots at a time is one story, in whatever order it became known."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import beside, ready
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.alerts import campaign_watch
from wachhund.alerts.campaign_watch import SHARE, CampaignWatch
from wachhund.ledger import Ledger, LedgerError, campaigns
from wachhund.ledger.campaign_finding import DAY_S, OPEN_S, ROBOTS, WINDOW_S, Use, campaigns_of, crowded
from wachhund.ledger.dialects import is_server
from wachhund.ledger.keeping_records import REQUEST, Act
from wachhund.ledger.labels import Relabel
from wachhund.ledger.session_keys import who_of

T = 1_800_000_000.0  # 08:00 UTC
FORBIDDEN = {"id": "a1", "who": "anna", "until_t": T + 7_200, "why": "gait"}


def session(name: str, robot: str, first_t: float = T, last_t: float | None = None, **more: Any) -> dict[str, Any]:
    address = more.pop("address", "203.0.113.7")
    return {
        "id": name, "robot": robot, "surface": "ssh", "user": "pi", "first_t": first_t, "last_t": last_t,
        "origin": [{"hop": "address", "address": address, "port": 443}], "carrier": "internet", "tunnel": None,
        "authorisation": None, "bytes_in": 1, "bytes_out": 2, "incident": f"i-{robot}", **more,
    }  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


def keep(ledger: Ledger, *sessions: dict[str, Any]) -> None:
    ledger.save_judgement(1, [], sessions)


def found(ledger: Ledger) -> list[dict[str, Any]]:
    """All campaigns, after a look."""
    CampaignWatch(ledger).look()
    return ledger.campaigns.page(100)[1]


def three(**more: Any) -> list[dict[str, Any]]:
    return [session(f"s{n}", f"r{n}", T + 60 * n, T + 60 * n + 30, **more) for n in range(3)]


def test_the_third_robot_within_the_window_makes_a_campaign(ledger: Ledger) -> None:
    """Two robots are none; and it tells from where, on which, since when, and by which incidents."""
    keep(ledger, *three()[:2])
    assert found(ledger) == []
    keep(ledger, three()[2])
    (one,) = found(ledger)
    assert one["title"] == "203.0.113.7 was on 3 robots, and nobody had allowed it" and one["level"] == "critical"
    assert (one["first_t"], one["last_t"], one["goes_on"]) == (T, T + 150, False)
    assert one["robots"] == ["r0", "r1", "r2"] and one["incidents"] == ["i-r0", "i-r1", "i-r2"]
    assert [row["robot"] for row in ledger.campaigns.robots(one["id"])] == ["r0", "r1", "r2"]
    assert ledger.campaigns.marked() == [], "nothing is left to look at"


@pytest.mark.parametrize(("after", "is_one"), [(WINDOW_S, True), (WINDOW_S + 1, False)])
def test_who_left_a_robot_counts_there_for_the_window(ledger: Ledger, after: float, is_one: bool) -> None:
    """Somebody who goes from one to the next, and somebody who comes to each in its turn over a day."""
    keep(ledger, session("a", "r0", T - 5, T), session("b", "r1", T, T + 1), session("c", "r2", T + after, T + after))
    assert bool(found(ledger)) is is_one


def test_what_goes_on_counts_while_it_does_and_not_for_ever(ledger: Ledger) -> None:
    """Who sits on two robots for hours and comes to a third is on three. Of a robot that fell silent nobody tells the
    end."""
    keep(ledger, session("a", "r0", T), session("b", "r1", T, T + 9_000), session("c", "r2", T + 8_000, T + 8_001))
    (one,) = found(ledger)
    assert one["goes_on"] and one["title"] == "203.0.113.7 is on 3 robots, and nobody allowed it"
    keep(ledger, session("c", "r2", T + OPEN_S + WINDOW_S + 1), session("d", "r3", T + OPEN_S + WINDOW_S + 1))
    assert found(ledger) == []


def test_what_is_allowed_makes_none_and_what_is_allowed_afterwards_unmakes_one(ledger: Ledger) -> None:
    """One laptop behind the fleet's own NAT, on all robots all day, alarms nobody once somebody answers for it."""
    keep(ledger, *three(authorisation=FORBIDDEN, incident=None))
    assert found(ledger) == []
    keep(ledger, *three())
    assert len(found(ledger)) == 1
    keep(ledger, session("s1", "r1", T + 60, T + 90, authorisation=FORBIDDEN))
    assert found(ledger) == []


@pytest.mark.parametrize(
    ("changed", "who"),
    [
        ({"address": "2001:db8:1:2::5"}, "2001:db8:1:2::/64"),
        ({"address": "2001:db8:1:2:aaaa::1"}, "2001:db8:1:2::/64"),
        ({"address": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ({"address": "2001:db8:1:2::5", "carrier": "lan"}, "2001:db8:1:2::5"),
        ({"address": "192.168.1.5", "carrier": "lan"}, "lan:192.168.1.5"),
        ({"address": "fe80::1%wlan0", "carrier": "lan"}, "lan:fe80::1"),
        ({"address": "100.64.0.9", "carrier": "tunnel", "tunnel": "tailscale0"}, "tunnel:tailscale0:100.64.0.9"),
        ({"address": "198.51.100.1", "carrier": "relay", "tunnel": "CloudSail"}, "relay:CloudSail"),
        ({"address": "198.51.100.1", "carrier": "relay", "tunnel": "ngrok"}, "198.51.100.1"),
        ({"address": "no address"}, ""),
        ({"origin": []}, ""),
    ],
)
def test_who_somebody_is(changed: dict[str, Any], who: str) -> None:
    """A person changes half of an IPv6 address at will; a maker's cloud is one way in by many servers; two users of the
    same product are two."""
    assert who_of(session("s", "r", **changed)) == who


def test_an_ipv6_network_is_one_somebody(ledger: Ledger) -> None:
    """Each robot tells another address of it."""
    keep(ledger, *(session(f"s{n}", f"r{n}", address=f"2001:db8:1:2::{n + 1}") for n in range(3)))
    assert [one["who"] for one in found(ledger)] == ["2001:db8:1:2::/64"]


def test_a_makers_cloud_is_one_way_in_by_whichever_server(ledger: Ledger) -> None:
    """Who holds its key is on many robots, and each sees another server of it."""
    by = {"carrier": "relay", "tunnel": "CloudSail"}
    keep(ledger, *(session(f"s{n}", f"r{n}", address=f"198.51.100.{n}", **by) for n in range(3)))
    assert [one["who"] for one in found(ledger)] == ["relay:CloudSail"]


def test_a_local_address_is_the_same_somebody_only_at_one_site(tmp_path: Path) -> None:
    """Each robot's own radio gives its visitors the same addresses. Nobody but people say which robots stand together;
    what they say later counts for what was before."""
    bench = HostBench(tmp_path / "data")
    rows = [bench.add(f"go1-{n}", ScriptedRobot()) for n in range(3)]
    mine = {"address": "192.168.12.9", "carrier": "lan", "incident": None}
    keep(bench.ledger, *(session(f"s{n}", row.id, **mine) for n, row in enumerate(rows)))
    assert found(bench.ledger) == []
    for row in rows:
        bench.ledger.labels.change([row.id], Relabel("Berlin"), "anna")
    (one,) = found(bench.ledger)
    assert (one["level"], one["place"], one["incidents"]) == ("medium", "Berlin", [])
    bench.ledger.labels.change([rows[0].id], Relabel("Ulm"), "anna")
    assert found(bench.ledger) == []
    bench.close()


def test_pages_that_somebody_looks_at_from_the_robots_own_network_are_none(ledger: Ledger) -> None:
    """Nobody was told of them, and nobody needs to be."""
    keep(ledger, *three(surface="web", carrier="lan", incident=None))
    assert found(ledger) == []


STORY = [
    *three(), session("s3", "r3", T + 200, T + 300), session("late", "r4", T - 100, T - 50),
    session("other", "r5", T + 7 * 3_600, T + 7 * 3_600), session("s0b", "r0", T + 250, None),
    session("stranger", "r0", address="198.51.100.1"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_evidence_and_restarts_change_nothing(ledger: Ledger, seed: int) -> None:
    """Robots come when they can, some a session at a time; a look may fall anywhere between, or nowhere."""
    keep(ledger, *STORY)
    expected = found(ledger)
    rows = {one["id"]: ledger.campaigns.robots(one["id"]) for one in expected}
    assert len(expected) == 1 and expected[0]["robots"] == ["r0", "r1", "r2", "r3", "r4", "r5"]
    chance = random.Random(seed)
    story = [*STORY, session("s1", "r1", T + 60, None), session("s1", "r1", T + 60, T + 90)]
    chance.shuffle(story)
    last = {one["id"]: one for one in STORY}
    keep(ledger, *(session(one["id"], one["robot"], address="192.0.2.1") for one in STORY))
    assert [one["who"] for one in found(ledger)] == ["192.0.2.1"]
    for one in story:
        keep(ledger, one)
        if chance.random() < 0.5:
            CampaignWatch(ledger).look()
    keep(ledger, *last.values())
    assert found(ledger) == expected
    assert {one["id"]: ledger.campaigns.robots(one["id"]) for one in expected} == rows


def test_late_evidence_joins_and_a_name_that_moved_over_midnight_still_leads_there(ledger: Ledger) -> None:
    """A link in a message that went out must not end in nothing."""
    midnight = (T // DAY_S + 1) * DAY_S
    keep(ledger, *(session(f"s{n}", f"r{n}", midnight - 200 + 120 * n, midnight + 500) for n in range(3)))
    (before,) = found(ledger)
    keep(ledger, session("late", "r9", midnight - 90, midnight - 60))
    (after,) = found(ledger)
    assert after["id"] != before["id"] and after["robots"] == ["r0", "r1", "r2", "r9"]
    assert ledger.campaigns.one(before["id"]) == after
    assert ledger.campaigns.one("nothing-20270115") is None and ledger.campaigns.one("") is None


def test_what_is_erased_of_a_robot_goes_from_its_campaign_in_the_same_act(tmp_path: Path) -> None:
    """Also by a command while no host serves: nothing waits for a look."""
    bench = HostBench(tmp_path / "data")
    rows = [bench.add(f"go1-{n}", ScriptedRobot()) for n in range(4)]
    keep(bench.ledger, *(session(f"s{n}", row.id, T + n, T + 60) for n, row in enumerate(rows)))
    (one,) = found(bench.ledger)
    for gone, stay in ((rows[3], 3), (rows[0], 0)):
        act = Act(REQUEST, gone.id, None, T + 90, "anna", "asked", T + 100)
        erasure = bench.ledger.keeping.request(act, lambda *_: None)
        while bench.ledger.keeping.erase_requested(erasure, T + 100):
            pass
        left = bench.ledger.campaigns.page(10)[1]
        assert len(left) == (1 if stay else 0)
        assert gone.id not in str(left) and gone.id not in str(bench.ledger.campaigns.robots(one["id"]))
    bench.close()


def test_a_name_of_its_own_for_each_day_and_for_each_somebody(ledger: Ledger) -> None:
    """Who comes again tomorrow is told again, and found beside."""
    for day in (0, 1):
        keep(ledger, *(session(f"{day}-{n}", f"r{n}", T + day * DAY_S, T + day * DAY_S + 5) for n in range(3)))
    keep(ledger, *(session(f"x-{n}", f"r{n}", T, T + 5, address="192.0.2.9") for n in range(3)))
    ids = [one["id"] for one in found(ledger)]
    assert len(set(ids)) == 3 and sorted(name[-8:] for name in ids) == ["20270115", "20270115", "20270116"]


def test_incidents_name_the_campaigns_that_they_are_part_of(ledger: Ledger) -> None:
    """By this they are told once."""
    keep(ledger, *three())
    (one,) = found(ledger)
    with ledger.moment() as connection:
        told = campaigns.of_incidents(connection, [{"id": "i-r1", "robot": "r1"}, {"id": "i-r1", "robot": None}])
        assert told == {"i-r1": [one["id"]]} or told == {}
        assert campaigns.of_incidents(connection, [{"id": "i-r2", "robot": "r2"}]) == {"i-r2": [one["id"]]}


def test_who_costs_much_is_looked_at_seldom(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody on ten thousand robots is known already; others must not wait for him."""
    now = [0.0]
    watch = CampaignWatch(ledger, steady=lambda: now[0])
    settle = ledger.campaigns.settle

    def dear(whos: list[str]) -> campaigns.Settled:
        return campaigns.Settled(settle(whos).changed, {who: 2.0 for who in whos if who == "203.0.113.7"})

    monkeypatch.setattr(ledger.campaigns, "settle", dear)
    keep(ledger, *three())
    assert watch.look() == 1
    keep(ledger, session("more", "r8"), session("x", "r8", address="192.0.2.9"))
    assert watch.look() == 1 and ledger.campaigns.marked() == ["203.0.113.7"]
    now[0] = 2.0 / SHARE + 1
    assert watch.look() == 1 and ledger.campaigns.marked() == []


def crowd(number: int) -> list[dict[str, Any]]:
    """The sessions of one of many who are on three robots each."""
    return [session(f"{number}-{n}", f"r{n}", T + n, T + 5, address=f"192.0.2.{100 + number}") for n in range(3)]


def names(*numbers: int) -> list[str]:
    return [f"192.0.2.{100 + number}" for number in numbers]


def test_a_transaction_ends_when_its_time_is_up_and_keeps_the_marks_of_whom_it_left(ledger: Ledger) -> None:
    """Several hundred addresses that scan a fleet are looks of minutes: whoever else writes is given up after ten
    seconds. Nothing is lost, and nobody is looked at twice."""
    for number in range(9):
        keep(ledger, *crowd(number))
    keep(ledger, session("alone", "r0", address="192.0.2.99"))

    def one_turn(whos: Sequence[str]) -> campaigns.Settled:
        clock = itertools.count(0.0, campaigns.LOOK_S / 4)
        return ledger.campaigns.settle(whos, steady=lambda: next(clock))

    first = one_turn(ledger.campaigns.marked())
    assert list(first.took) == names(0, 1) and first.left == names(*range(2, 9))
    assert ledger.campaigns.marked() == first.left, "who is on one robot was looked at as well"
    assert sorted(one["who"] for one in ledger.campaigns.page(100)[1]) == names(0, 1)
    second = one_turn(first.left)
    assert list(second.took) == names(2, 3) and ledger.campaigns.marked() == second.left == names(*range(4, 9))
    assert sorted(one["who"] for one in found(ledger)) == names(*range(9)) and ledger.campaigns.marked() == []


def test_one_who_takes_longer_than_that_is_looked_at_all_the_same(ledger: Ledger) -> None:
    """A look cannot be divided, and one in each transaction is progress."""
    for number in range(3):
        keep(ledger, *crowd(number))
    clock = itertools.count(0.0, 100 * campaigns.LOOK_S)
    left, turns = ledger.campaigns.marked(), []
    while left:
        done = ledger.campaigns.settle(left, steady=lambda: next(clock))
        left = list(done.left)
        turns.append(list(done.took))
    assert turns == [[name] for name in names(0, 1, 2)] and ledger.campaigns.marked() == []


def slowly(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, behind: Callable[[campaigns.Settled], None]) -> None:
    """Let each transaction be up after its first look. `behind`: what happens when it has ended."""
    settle = ledger.campaigns.settle

    def slow(whos: list[str]) -> campaigns.Settled:
        clock = itertools.count(0.0, campaigns.LOOK_S)
        done = settle(whos, steady=lambda: next(clock))
        behind(done)
        return done

    monkeypatch.setattr(ledger.campaigns, "settle", slow)
    monkeypatch.setattr(campaign_watch, "PAUSE_S", 0.001)


def test_who_is_marked_again_and_again_keeps_nobody_waiting(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is looked at once in a look; what came of somebody meanwhile is the next one's."""
    order: list[str] = []

    def marked_again(done: campaigns.Settled) -> None:
        order.extend(done.took)
        keep(ledger, session(f"again-{len(order)}", "r7", T + 1, T + 2, address=names(0)[0]))

    for number in range(5):
        keep(ledger, *crowd(number))
    now = [0.0]
    watch = CampaignWatch(ledger, steady=lambda: now[0])
    slowly(ledger, monkeypatch, marked_again)
    assert watch.look() == 5 and order == names(*range(5)) and ledger.campaigns.marked() == names(0)
    now[0] = 5 / SHARE
    assert watch.look() == 1 and order[5:] == names(0)


def test_who_was_looked_at_before_the_ledger_went_away_rests_as_well(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that is broken off at each second somebody must not begin with the same first one each time."""
    order: list[str] = []

    def breaks_off(done: campaigns.Settled) -> None:
        order.extend(done.took)
        keep(ledger, session(f"again-{len(order)}", "r7", T + 1, T + 2, address=names(0)[0]))
        raise LedgerError("it is away")

    for number in range(2):
        keep(ledger, *crowd(number))
    watch = CampaignWatch(ledger, steady=lambda: 0.0)
    slowly(ledger, monkeypatch, lambda done: order.extend(done.took) if not order else breaks_off(done))
    with pytest.raises(LedgerError):
        watch.look()
    assert order == names(0, 1)
    monkeypatch.undo()
    keep(ledger, *crowd(2))
    assert watch.look() == 1 and ledger.campaigns.marked() == names(0), "the first one rests"


def test_others_write_between_two_transactions_of_a_look(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are processes of their own, and ask for the lock now and then only."""
    settle = ledger.campaigns.settle

    def slow_clock() -> float:
        time.sleep(0.05)
        return time.monotonic()

    for number in range(20):
        keep(ledger, *crowd(number))
    monkeypatch.setattr(ledger.campaigns, "settle", lambda whos: settle(whos, steady=slow_clock))
    other = Ledger.open(ledger.path)
    looking = threading.Thread(target=CampaignWatch(ledger).look)
    looking.start()
    try:
        until(lambda: ledger.campaigns.page(1)[0] > 0, 20, "the look has begun")
        waited = []
        for number in range(3):
            began = time.monotonic()
            other.log.record(t=T + number, who="anna", act="test")
            waited.append(time.monotonic() - began)
        assert looking.is_alive() and max(waited) < 2.5, waited
    finally:
        looking.join(60)
        other.close()
    assert ledger.campaigns.page(1)[0] == 20


USES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 20)).map(
        lambda one: Use(
            f"r{one[0]}", int((T + 300 * one[1]) // WINDOW_S), T + 300 * one[1], T + 300 * (one[1] + one[2]),
            T + 300 * (one[1] + one[2]), 1, 0, 1,
        )
    ),
    max_size=12,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(USES)
def test_a_crowd_is_what_looking_at_each_moment_finds(uses: list[Use]) -> None:
    """Against a slow one that asks at each moment at which anything begins or ends."""
    moments = sorted({t for use in uses for t in (use.first_t, use.end_t + WINDOW_S)})
    spans = crowded(uses)
    for t in [*moments, *(a + (b - a) / 2 for a, b in itertools.pairwise(moments))]:
        there = {use.robot for use in uses if use.first_t <= t <= use.end_t + WINDOW_S}
        assert (len(there) >= ROBOTS) == any(begin <= t <= end for begin, end in spans), t


@given(USES, st.randoms())
def test_what_is_found_is_a_function_of_the_set(uses: list[Use], chance: random.Random) -> None:
    """Whatever the order."""
    mixed = list(uses)
    chance.shuffle(mixed)
    assert campaigns_of("w", "", mixed) == campaigns_of("w", "", uses)


def test_an_older_ledger_gets_its_campaigns_and_nobody_is_told_of_them(ledger: Ledger) -> None:
    """On either database, from the sessions that are there."""
    keep(ledger, *STORY)
    expected, since = found(ledger), ledger.notifying.said("campaigns-since")
    assert since is None, "a new ledger has nothing that lies in the past"
    ledger.close()
    with beside(ledger.path) as database:
        if is_server(database):
            functions = ("marks_an_origin()", "mark_origin(text, text, bigint)", "marks_local_origins()")
            undone = [f"DROP FUNCTION {one} CASCADE" for one in functions]
        else:
            names = database.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            undone = [f"DROP TRIGGER {one}" for one in names.all() if "_marks_" in one]
        undone += ["DROP INDEX sessions_by_who", "ALTER TABLE sessions DROP COLUMN who"]
        undone += ["ALTER TABLE sessions DROP COLUMN incident"]
        undone += [f"DROP TABLE {one}" for one in ("campaigns", "campaign_robots", "origin_marks")]
        undone += ["DELETE FROM migrations WHERE name = 'fleet_campaigns'"]
        for one in undone:
            database.exec_driver_sql(one)
    again = Ledger.open(ledger.path)
    assert found(again) == expected and again.notifying.said("campaigns-since") is not None
    keep(again, session("more", "r9"))
    assert "r9" in found(again)[0]["robots"], "its marks are made"
    again.close()
