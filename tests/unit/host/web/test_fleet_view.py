"""The fleet: worst first, searched on the server, at most 100 rows a page."""

import pytest

from wachhund.web.fleet_view import RobotStanding, fleet_view, join_query, split_query
from wachhund.web.standing import Word

NOW = 1_700_000_000.0


def robot(name: str, control: str = "nobody", proof: str = "verified") -> RobotStanding:
    words = [Word(word, "good", "", NOW) for word in (proof, control, "full")]
    return RobotStanding(name, words[0], words[1], words[2], NOW, None, (), ())


def test_who_needs_somebody_stands_on_top() -> None:
    """Not allowed, broken, unknown, then the calm ones by name."""
    robots = [robot("b"), robot("a"), robot("x", "unknown"), robot("y", proof="broken"), robot("z", "NOT ALLOWED")]
    view = fleet_view(robots, "", 1, NOW)
    assert [row.name for row in view.rows] == ["z", "y", "x", "a", "b"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("go1", ["go1-2", "go1-1"]),
        ("-go1", ["lab"]),
        ('"not allowed"', ["go1-2"]),
        ('-"not allowed" go1', ["go1-1"]),
        ("late", ["lab"]),
        ("nothing", []),
        ("-", ["go1-2", "go1-1", "lab"]),
    ],
)
def test_a_search_names_words_and_names_and_can_exclude(query: str, found: list[str]) -> None:
    """NOT is the filter that other tools were asked for, for years."""
    robots = [robot("go1-1"), robot("go1-2", "NOT ALLOWED"), robot("lab", proof="late")]
    assert [row.name for row in fleet_view(robots, query, 1, NOW).rows] == found


def test_one_filter_can_be_dropped_and_the_others_stay() -> None:
    """The pill's link."""
    view = fleet_view([robot("a")], 'go1 -"not allowed" late', 1, NOW)
    assert view.terms == ("go1", "-not allowed", "late")
    assert split_query(view.without("go1")) == ("-not allowed", "late")
    assert join_query(view.terms) == view.query


def test_ten_thousand_robots_are_a_page_of_a_hundred_and_their_totals() -> None:
    """Never the whole fleet to a browser; totals are of all."""
    robots = [robot(f"r{number:05}") for number in range(10_000)]
    view = fleet_view(robots, "", 3, NOW)
    assert len(view.rows) == 100 and view.rows[0].name == "r00200" and view.pages == 100
    assert view.live.slots["total:verified"].text == "10000 verified"
    assert len(view.live.rows["robots"]) == 100
    assert fleet_view(robots, "", 9999, NOW).rows[-1].name == "r09999"
