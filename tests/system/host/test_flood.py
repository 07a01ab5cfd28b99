"""One robot floods, by TLS and with its own account, and the others do not notice. The bench measures it with 500."""

from pathlib import Path

import pytest

from tests.robots.flood_scene import Flood, before, play

FLOODS = (Flood("bad", 1), Flood("huge", 0), Flood("beyond", 1), Flood("elsewhere", 0))


@pytest.mark.thorough
def test_whatever_one_robot_floods_the_others_get_their_receipts(tmp_path: Path) -> None:
    """Not one token of theirs is refused, lost or late, and the flooder's state is what it was."""
    played = play(tmp_path, robots=24, floods=FLOODS, seconds=6.0, every_s=1.2)
    assert (played.unanswered, played.disconnected, played.harmed) == (0, 0, {})
    assert played.states == {"active"}
    for flood in FLOODS:
        took, rest = played.took[flood.name], played.took[before(flood.name)]
        assert len(took) > 0.5 * len(rest)
        # Half of a second is generous for the median; a queue behind the flood would take the whole phase.
        assert took[len(took) // 2] < rest[len(rest) // 2] + 0.5, flood.name
        assert played.refused[flood.name]["held-off"].count >= 1, flood.name
        assert played.sent[flood.name]["refused"] > 0, "held off, it tried again"
