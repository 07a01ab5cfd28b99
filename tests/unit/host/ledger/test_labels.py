"""Sites and tags: named by people, kept by the host; and the numbers by which a page learns which robots changed."""

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.robots.ledger_place import beside
from tests.unit.host.web.stage import RELAY_PATH, Player, open_ledger
from wachhund.ledger import Link, fleet_look
from wachhund.ledger.labels import MAX_TAGS, Labels, Relabel
from wachhund_evidence import MisuseError


def test_a_robot_has_one_site_and_its_tags(tmp_path: Path) -> None:
    """A second site takes the place of the first; tags add up, each once."""
    ledger = open_ledger(tmp_path)
    robot = Player(ledger, "go1-07").robot
    assert ledger.labels.of(robot.id) == Labels()
    ledger.labels.change(["go1-07"], Relabel("Berlin", ("lab", "leased")), "anna")
    ledger.labels.change([robot.id], Relabel("Hamburg", ("lab",), ("leased",)), "anna")
    assert ledger.labels.of(robot.id) == Labels("Hamburg", ("lab",))
    ledger.labels.change(["go1-07"], Relabel(""), "anna")
    assert ledger.labels.of(robot.id) == Labels("", ("lab",))
    assert [act.detail for act in ledger.robot_acts(robot.id)][1:] == [
        "site Berlin, tag lab, tag leased", "site Hamburg, tag lab, not leased", "no site",
    ]  # fmt: skip
    ledger.close()


@pytest.mark.parametrize(
    ("wanted", "relabel", "why"),
    [
        (["go1-07", "nobody"], Relabel("Berlin"), "no such robot"),
        (["go1-07"], Relabel('B"erlin'), "without quotes"),
        (["go1-07"], Relabel(None, ("a\nb",)), "printable"),
        (["go1-07"], Relabel(None, ("x" * 41,)), "1 to 40"),
        (["go1-07"], Relabel(), "give a site"),
        ([], Relabel("Berlin"), "choose"),
        (["go1-07"], Relabel(None, tuple(f"t{number}" for number in range(MAX_TAGS + 1))), "more than"),
    ],
)
def test_what_cannot_be_a_label_changes_nothing(tmp_path: Path, wanted: list[str], relabel: Relabel, why: str) -> None:
    """All robots of an act, or none."""
    ledger = open_ledger(tmp_path)
    robot = Player(ledger, "go1-07").robot
    with pytest.raises(MisuseError, match=why):
        ledger.labels.change(wanted, relabel, "anna")
    assert ledger.labels.of(robot.id) == Labels()
    ledger.close()


def test_every_change_of_a_robot_gets_a_number_whoever_writes_it(tmp_path: Path) -> None:
    """The triggers are the ledger's: a command beside the host is heard as well as the host itself."""
    ledger = open_ledger(tmp_path)
    here, other = Player(ledger, "here"), Player(ledger, "other")

    def changed(since: int) -> tuple[int, set[str]]:
        with ledger.moment() as connection:
            return fleet_look.newest_change(connection), fleet_look.changed_since(connection, since)

    number, robots = changed(0)
    assert robots == {here.robot.id, other.robot.id}
    for act in (
        lambda: ledger.labels.change(["here"], Relabel("Berlin"), "anna"),
        lambda: ledger.note_links([Link(here.robot.id, True, 1.0)]),
        lambda: ledger.save_judgement(1, [], [here.session("s", origin=RELAY_PATH)]),
        lambda: ledger.save_judgement(2, [here.incident("i", sessions=[])], []),
        lambda: ledger.change_robot("here", "revoke", "anna"),
    ):
        act()
        later, robots = changed(number)
        assert later > number and robots == {here.robot.id}
        number = later
    with beside(ledger.path) as database:
        database.execute(text("UPDATE robots SET name = 'renamed' WHERE id = :id"), {"id": other.robot.id})
    assert changed(number)[1] == {other.robot.id}
    ledger.close()
