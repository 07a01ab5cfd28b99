"""A place in a list, as text that only this host reads."""

import pytest

from wachhund.web.api.asked import FleetAsked, IncidentsAsked
from wachhund.web.api.cursors import Place, cursor, place
from wachhund_evidence import MisuseError


@pytest.mark.parametrize("there", [Place(1_700_000_000.123456, "i1"), Place(0.0, "<b>\u202e"), Place(0.1 + 0.2, "")])
def test_a_cursor_leads_back_to_its_place_exactly(there: Place) -> None:
    """A time that lost a digit would repeat a row, or leave one out."""
    asked = IncidentsAsked(state="open")
    assert place(asked, cursor(asked, there)) == there


def test_how_many_rows_are_wanted_next_is_free() -> None:
    asked = IncidentsAsked(state="open", limit=10)
    assert place(IncidentsAsked(state="open", limit=3), cursor(asked, Place(1.0, "i1"))) == Place(1.0, "i1")


@pytest.mark.parametrize("other", [IncidentsAsked(state="closed"), IncidentsAsked(), FleetAsked()])
def test_a_cursor_of_another_list_is_refused(other: IncidentsAsked | FleetAsked) -> None:
    """Under other filters it would leave rows out without a word."""
    made = cursor(IncidentsAsked(state="open"), Place(1.0, "i1"))
    with pytest.raises(MisuseError, match="begin again"):
        place(other, made)


@pytest.mark.parametrize("text", ["x", "====", "é", "W10", "WyJhIiwxXQ", "bnVsbA", "W" * 500, "WzEsTmFOLCJhIl0"])
def test_what_is_no_cursor_is_refused_in_words(text: str) -> None:
    with pytest.raises(MisuseError, match="cursor"):
        place(FleetAsked(), text)
