"""Lines: a level's changes are told, a blinking line is one state, no edge is missed between two looks."""

from witness.lines import ACTIVITY, LEVEL, Edges, Line


class Wire:
    def __init__(self, manner: str) -> None:
        self.level = 0
        self.edges = Edges()
        self.line = Line("wire", manner, lambda: self.level, self.edges)
        self.line.look(0)

    def pulse(self) -> None:
        self.edges.on_edge(None)
        self.edges.on_edge(None)


def test_a_change_of_a_level_happened_once() -> None:
    wire = Wire(LEVEL)
    wire.level = 1
    wire.edges.on_edge(None)
    assert wire.line.look(10) == (1, True)
    assert wire.line.look(20) == (0, False)
    assert wire.line.state == 1


def test_a_pulse_between_two_looks_is_told_though_the_level_is_as_before() -> None:
    wire = Wire(LEVEL)
    wire.pulse()
    assert wire.line.look(10) == (2, True)


def test_a_blinking_line_is_active_until_it_rests() -> None:
    wire = Wire(ACTIVITY)
    wire.pulse()
    assert wire.line.look(10_000) == (2, True)
    wire.pulse()
    assert wire.line.look(14_000) == (2, False)
    assert wire.line.state == 1
    assert wire.line.look(19_500) == (0, True)
    assert wire.line.state == 0


def test_edges_are_counted_over_the_end_of_their_16_bits() -> None:
    edges = Edges()
    for _ in range(70):
        for _ in range(1_000):
            edges.on_edge(None)
        assert edges.take() == 1_000
