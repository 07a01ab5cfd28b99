"""The drill comes by the agent's own clock: soon after its start, then once a day, and by nothing else."""

from wachhund_agent.config import Limits
from wachhund_agent.drill import DailyDrill

DAY = 86_400.0


def test_the_first_comes_soon_and_then_one_a_day() -> None:
    """Two minutes after a start somebody at the bench still looks."""
    limits = Limits()
    drill = DailyDrill(limits.drill_first_s, limits.drill_every_s, 1000.0)
    made = [found for second in range(1000, 1000 + 3 * 86_400, 60) for found in [drill.due(float(second))] if found]
    assert [one.mono for one in made] == [1120.0, 1120.0 + DAY, 1120.0 + 2 * DAY]
    assert [(one.kind, one.sensor, one.fields) for one in made] == [
        ("agent.drill", "agent", {"number": number, "every_s": DAY}) for number in (1, 2, 3)
    ]


def test_one_that_was_slept_through_is_made_once() -> None:
    """A robot that slept a week owes one, not seven."""
    drill = DailyDrill(120.0, DAY, 0.0)
    assert drill.due(119.9) is None
    assert drill.due(7 * DAY) is not None
    assert drill.due(7 * DAY + 1) is None
    assert drill.due(8 * DAY) is not None
