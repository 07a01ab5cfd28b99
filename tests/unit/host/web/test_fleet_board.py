"""All robots in memory: the same words as from the ledger itself, kept up with whoever writes it."""

import time
from pathlib import Path

import pytest

from tests.unit.host.web.stage import RELAY_PATH, Player, open_ledger
from wachhund.ledger import Ledger, Link
from wachhund.ledger.labels import Relabel
from wachhund.web import facts
from wachhund.web.fleet_board import LOOK_S, FleetBoard
from wachhund.web.fleet_query import join_query, split_query


class Fleet:
    """A board over a ledger with robots of all kinds, and a clock that a test turns."""

    def __init__(self, folder: Path) -> None:
        self.ledger = open_ledger(folder)
        self.turned = 0.0
        self.board = FleetBoard(self.ledger, lambda: self.turned)
        self.now = time.time()

    def look(self, query: str = "", **asked: object) -> list[str]:
        """The names on the page, after enough time for a look."""
        self.turned += LOOK_S
        return [row.name for row in self.board.view(query, 1, self.now, **asked).rows]  # type: ignore[arg-type]

    def agrees(self) -> None:
        """Each robot stands as its own page says."""
        self.turned += LOOK_S
        rows = {row.name: row for row in self.board.view("", 1, self.now).rows}
        for robot in self.ledger.robots():
            assert rows[robot.name] == facts.robot_standing(self.ledger, robot, self.now)


@pytest.fixture
def fleet(tmp_path: Path):  # type: ignore[no-untyped-def]
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.ledger.close()


def test_every_row_stands_as_its_robots_own_page_says(fleet: Fleet) -> None:
    """Two ways to the words would be two truths."""
    ledger = fleet.ledger
    calm, attacked, gone = Player(ledger, "calm"), Player(ledger, "attacked"), Player(ledger, "gone")
    Player(ledger, "never")
    fleet.agrees()
    calm.say(calm.looking(), calm.seen("agent.start", version="0.1.0"), received_t=fleet.now)
    losing = calm.looking(tcp={"source": "t", "state": "event", "interval_s": None, "dropped": 7, "why": None})
    gone.say(gone.looking(), received_t=fleet.now - 400)
    fleet.agrees()
    calm.say(losing, received_t=fleet.now)
    attacked.say(attacked.looking(), received_t=fleet.now)
    session = attacked.session("s1", origin=RELAY_PATH, incident="i1")
    ledger.save_judgement(1, [attacked.incident("i1", sessions=[session])], [session])
    ledger.labels.change(["gone", "calm"], Relabel("Berlin", ("lab",)), "anna")
    fleet.agrees()
    ledger.note_links([Link(calm.robot.id, False, fleet.now + 1)])
    ledger.change_robot("gone", "revoke", "anna")
    fleet.agrees()
    fleet.now += 61  # by time alone
    fleet.agrees()
    fleet.now += 600
    fleet.agrees()
    calm.say(calm.seen("heartbeat"), received_t=fleet.now)
    fleet.agrees()


def test_what_another_process_writes_is_seen_at_the_next_look(fleet: Fleet) -> None:
    """`wachhund robots label` beside a running host."""
    Player(fleet.ledger, "here")
    assert fleet.look("site:berlin") == []
    beside = Ledger.open(fleet.ledger.path)
    beside.labels.change(["here"], Relabel("Berlin"), "anna")
    Player(beside, "new")
    beside.close()
    assert fleet.look("site:berlin") == ["here"]
    assert fleet.look("-site:berlin") == ["new"]


def test_each_number_of_the_sentence_is_the_length_of_its_list(fleet: Fleet) -> None:
    """Totals that differ from the filtered list are worse than none."""
    players = [Player(fleet.ledger, f"r{number}") for number in range(9)]
    for player in players[:6]:
        player.say(player.looking(), received_t=fleet.now)
    for number, player in enumerate(players[:2]):
        session = player.session(f"s{number}", origin=RELAY_PATH, incident=f"i{number}")
        fleet.ledger.save_judgement(1, [player.incident(f"i{number}", sessions=[session])], [session])
    slots = fleet.board.view("", 1, fleet.now).live.slots
    for slot, query in (
        ("total:forbidden", 'control:"NOT ALLOWED"'), ("total:unvouched", "-proof:verified"),
        ("total:verified", "proof:verified"),
    ):  # fmt: skip
        view = fleet.board.view(query, 1, fleet.now)
        assert slots[slot].text.split()[0] == str(view.found) == str(len(view.rows))
    assert (view.total, view.found) == (9, 6)


def test_what_is_offered_counts_what_it_finds(fleet: Fleet) -> None:
    """Each value, with NOT and without."""
    for number in range(4):
        Player(fleet.ledger, f"r{number}")
    fleet.ledger.labels.change(["r0", "r1", "r2"], Relabel("New York", ("a b",)), "anna")
    fleet.ledger.labels.change(["r0"], Relabel(None, ("x",)), "anna")
    view = fleet.board.view("", 1, fleet.now)
    assert [(one.value, one.count) for one in view.facets["site"]] == [("new york", 3), ("none", 1)]
    for values in view.facets.values():
        for one in values:
            assert fleet.board.view(one.only, 1, fleet.now).found == one.count
            assert fleet.board.view(one.without, 1, fleet.now).found == 4 - one.count
            assert join_query(split_query(one.without)) == one.without


def test_a_row_on_screen_stays_told_of_while_it_matches(fleet: Fleet) -> None:
    """The page of a hundred was chosen when it was loaded; who slips to another one meanwhile is told of yet."""
    players = [Player(fleet.ledger, f"r{number:03}") for number in range(101)]
    view = fleet.board.view("proof:new", 1, fleet.now)
    shown = [row.id for row in view.rows]
    session = players[100].session("s", origin=RELAY_PATH, incident="i")
    fleet.ledger.save_judgement(1, [players[100].incident("i", sessions=[session])], [session])
    players[0].say(players[0].looking(), received_t=fleet.now)
    later = fleet.board.view("proof:new", 1, fleet.now, on=shown).live
    assert later.address == view.live.address
    assert set(later.rows["robots"]) == {player.robot.name for player in players} - {"r000"}
    assert later.slots["robot:r000:proof"].text == "verified" and later.slots["robot:r099:proof"].text == "new"


def test_many_that_fall_silent_at_once_are_one_line(fleet: Fleet) -> None:
    """A broken switch is one thing to look at, not fifty."""
    for number in range(6):
        player = Player(fleet.ledger, f"r{number}")
        player.say(player.looking(), received_t=fleet.now - 100 - number)
    calm = Player(fleet.ledger, "calm")
    calm.say(calm.looking(), received_t=fleet.now)
    text = fleet.board.view("", 1, fleet.now).live.slots["total:together"].text
    assert text.startswith("6 silent or late since") and "all site" not in text
    fleet.ledger.labels.change([f"r{number}" for number in range(6)], Relabel("Berlin"), "anna")
    view = fleet.board.view("", 1, fleet.now)
    assert "all site Berlin: look at network or broker first" in view.live.slots["total:together"].text
    assert [(site.name, site.robots, site.unvouched) for site in view.sums.sites] == [("Berlin", 6, 6), ("", 1, 0)]


def test_silence_is_filtered_as_of_now(fleet: Fleet) -> None:
    """It changes by time alone, so no answer of before may be given again."""
    player = Player(fleet.ledger, "here")
    player.say(player.looking(), received_t=fleet.now)
    assert fleet.look('silence:"under 1 min"') == ["here"]
    fleet.now += 120
    assert fleet.look('silence:"under 1 min"') == []
    assert fleet.look('silence:"under 5 min"', sort="heard") == ["here"]
