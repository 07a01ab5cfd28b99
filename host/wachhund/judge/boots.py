"""Facts of two boots of a robot come in turns: each is judged by what is so in its own.

After a network cut the newest tokens come first, then the rest (docs/decisions/0023). Ids of processes and flows begin
anew with each boot, so what is known of one is put aside while facts of another come. Once a later boot is known,
nothing of an earlier one is still open.
"""

import copy
from collections.abc import Iterator
from dataclasses import fields
from math import inf

from wachhund.judge import arrivals, commands, interfaces, unusual
from wachhund.judge.fact import Fact, LineRef, Ref, TokenRef
from wachhund.judge.memory import Memory
from wachhund.judge.state import Boot, RobotState

# Boots put aside, a robot: the newest or the one whose backlog comes, and one more for tokens that are sent again where
# two boots meet.
MAX_ASIDE = 2
# A boot of which nothing came for so long is let go: a robot that is cut off again while its backlog comes is commonly
# back within a day. Seconds of host time.
KEPT_S = 24 * 3_600.0
# Monotonic time that falls by more than this is a new boot where no boot is named, not a late fact. Seconds.
LATE_FACT_S = 60.0

_IN_STATE = tuple(one.name for one in fields(Boot) if one.name not in ("led", "open", "untold", "due"))


def turn(state: RobotState, fact: Fact) -> None:
    """Take in hand what belongs to a fact's boot."""
    boot, mono = fact.boot, fact.observation.mono
    if boot is None:
        if mono < state.newest_mono - LATE_FACT_S:
            settle(state, inf)
            state.sessions.ended(state.sessions.end_open(state.told_t))
            _swap(state, _begun(state, None))
    else:
        place = _place(fact.ref)
        if state.boot is None:
            state.boot = state.newest_boot = boot
        elif boot != state.newest_boot and _is_later(place, state.newest_place):
            home(state)
            state.newest_boot = boot
        _turn_to(state, boot)
        if boot == state.newest_boot:
            state.newest_place = place if place[0] != state.newest_place[0] else max(place, state.newest_place)
    state.newest_mono = max(mono, state.newest_mono)
    state.since_mono = min(mono, state.since_mono)
    state.told_t = max(fact.t, state.told_t)


def home(state: RobotState) -> None:
    """Take the newest boot in hand again."""
    _turn_to(state, state.newest_boot)


def come_home(state: RobotState) -> bool:
    """Take the newest boot in hand, and have it told what ended with the others. Whether there is something to tell.

    At the end of a batch, not at each turn: a boot may have thousands of sessions.
    """
    home(state)
    over = [aside for aside in state.boots.values() if aside.untold]
    for aside in over:
        aside.sessions.ended(aside.open)
        aside.untold = False
    return bool(over)


def pass_time(state: RobotState, now: float) -> None:
    """Judge what waited for long enough in boots that are put aside, and let go of those that are long over."""
    for name, aside in list(state.boots.items()):
        if aside.due <= now:
            in_hand = state.boot
            _turn_to(state, name)
            settle(state, now)
            _turn_to(state, in_hand)
        elif aside.told_t + KEPT_S < now and name != state.newest_boot:
            _let_go(state, name)


def settle(state: RobotState, now: float) -> None:
    """Judge what waits for late facts in the boot in hand. `now`: host time; infinite when none will come."""
    if state.coming_up:
        interfaces.settle(state, now)
    if state.waiting:
        arrivals.settle(state, now)
    if state.unowned:
        commands.settle(state, now)
    if state.of_nobody:
        commands.claim(state, now)
    if now >= state.decide_at:
        unusual.settle(state, now)


def fell_silent(state: RobotState) -> None:
    """The robot tells nothing any more: judge what waits for facts that come at once. A file's hash may come later."""
    for _ in each(state):
        interfaces.settle(state, inf)
        arrivals.settle(state, inf)
        commands.settle(state, inf)


def each(state: RobotState) -> Iterator[None]:
    """Take each boot in hand, one after the other, and the newest at last."""
    for name in (state.boot, *state.boots):
        _turn_to(state, name)
        yield
    home(state)


def memory_of(state: RobotState, boot: str | None) -> Memory | None:
    """What is in mind of a boot's processes and flows; None when nothing is."""
    if boot is None or state.boot in (None, boot):
        return state.memory
    aside = state.boots.get(boot)
    return None if aside is None else aside.memory


def _place(ref: Ref) -> tuple[str, int]:
    """Chain and number of the token that a fact stands in."""
    if isinstance(ref, TokenRef):
        return ref.chain, ref.seq
    return "", ref.line if isinstance(ref, LineRef) else 0


def _is_later(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Tokens are numbered across boots, and nothing of a chain is sent once the next has begun."""
    return one[0] != other[0] or one[1] > other[1]


def _turn_to(state: RobotState, boot: str | None) -> None:
    if boot is None or state.boot is None or boot == state.boot:
        return
    left, taken = state.boot, state.boots.pop(boot, None)
    state.boots[left] = _swap(state, _begun(state, boot) if taken is None else taken)
    if len(state.boots) > MAX_ASIDE:
        others = [name for name in state.boots if name not in (left, state.newest_boot)]
        _let_go(state, min(others, key=lambda name: state.boots[name].told_t))


def _begun(state: RobotState, boot: str | None) -> Boot:
    """A boot of which nothing was told yet; the robot sees what it saw before, until it says otherwise."""
    return Boot(boot, state.sessions.another(), coverage=copy.copy(state.coverage))


def _swap(state: RobotState, taken: Boot) -> Boot:
    """Go on with another boot. Returns what was in hand."""
    is_over = state.boot != state.newest_boot
    left = Boot(**{name: getattr(state, name) for name in _IN_STATE})
    left.open = state.sessions.end_open(state.told_t) if is_over else ()
    left.untold = bool(left.open)
    waits = [due for due, _ in state.waiting.values()] + [due for due, _, _ in state.unowned]
    waits += [due for due, _, _ in state.coming_up.values()]
    left.due = min([left.decide_at, *waits])
    for name in _IN_STATE:
        setattr(state, name, getattr(taken, name))
    state.sessions.open_again(taken.open)
    left.led = state.incidents.turn(taken.led)
    return left


def _let_go(state: RobotState, name: str) -> None:
    """Forget a boot: what waits in it is judged first."""
    in_hand = _swap(state, state.boots.pop(name))
    settle(state, inf)
    gone = _swap(state, in_hand)
    gone.sessions.ended(gone.open)
