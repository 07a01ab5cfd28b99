"""The output: armed by a switch only, and it stays cut until a person disarms it."""

from witness.output import AFTER_MS, Output


class Relay:
    def __init__(self) -> None:
        self.state = -1
        self.output = Output(self.set)

    def set(self, state: int) -> None:
        self.state = state


def test_unarmed_it_never_cuts() -> None:
    relay = Relay()
    for up_ms in range(0, 10 * AFTER_MS, 10_000):
        assert not relay.output.turn(0, True, up_ms, up_ms)
    assert relay.state == 0


def test_armed_it_cuts_once_when_the_agent_is_silent_for_long() -> None:
    relay = Relay()
    assert not relay.output.turn(1, False, 0, 1_000)
    assert not relay.output.turn(1, False, AFTER_MS - 1, 1_000 + AFTER_MS - 1)
    assert relay.output.turn(1, False, AFTER_MS, 1_000 + AFTER_MS)
    assert not relay.output.turn(1, False, AFTER_MS + 1, 1_000 + AFTER_MS + 1)
    assert relay.state == 1


def test_a_silence_of_before_it_was_armed_does_not_cut() -> None:
    relay = Relay()
    assert not relay.output.turn(1, False, 10 * AFTER_MS, 10 * AFTER_MS)


def test_the_agents_return_does_not_close_it_again() -> None:
    relay = Relay()
    relay.output.turn(1, True, 0, 0)
    relay.output.turn(1, False, 0, 10)
    assert relay.state == 1 and relay.output.cut


def test_disarming_by_the_switch_closes_it() -> None:
    relay = Relay()
    relay.output.turn(1, True, 0, 0)
    relay.output.turn(0, False, 0, 10)
    assert relay.state == 0 and not relay.output.armed
