"""What happens to the robot's disk, and to the robot with it."""

from collections.abc import Callable

from tests.faults.inner.invariants import Seen
from tests.faults.inner.robot import Carried
from tests.faults.inner.world import World
from tests.robots.power_cut import State
from wachhund_agent.journal import JournalError
from wachhund_agent.journal.segment import tokens_of
from wachhund_evidence import base64url

_SUFFIX = ".journal"
_PAGE = 4096
_Places = set[tuple[str, int]]


def places_in(state: State) -> _Places:
    """(chain, number) of every token that can be read in a journal's files."""
    return {
        (base64url.encode(stored.chain), stored.seq)
        for name, data in state.items()
        if name.endswith(_SUFFIX)
        for stored in tokens_of(data)
    }


def _excuse(world: World, gone: _Places) -> None:
    """What nobody holds any more: not asked for again, unless a receipt covered it.

    Of a host that was restored since only what it holds: its receipts from before may have come late.
    """
    covered = world.robot.covered
    if world.restored:
        seen = Seen()
        seen.read(world)
        covered = covered & set(seen.places)
    for place in gone - covered:
        made = world.robot.made.get(place)
        world.excused.ids.update(made.ids if made is not None else ())


def _told_again(carried: list[Carried], before: State, after: State) -> tuple[list[Carried], list[Carried]]:
    """Of tokens of an earlier chain that were told again: those of which the disk still says so, and the others.

    It does as long as the token that did it can be read, or one of later in that chain, or the begin of a later file:
    each file says how far the robot was when it was begun.
    """
    begins = [name for name, data in after.items() if data[:_PAGE] == before.get(name, b"")[:_PAGE]]
    newest = max((name for name in begins if name.endswith(_SUFFIX)), default="")
    read = {
        stored.carries
        for name, data in after.items()
        if name.endswith(_SUFFIX)
        for stored in tokens_of(data)
        if stored.carries is not None
    }
    known, unknown = list[Carried](), list[Carried]()
    for one in carried:
        says = one.file < newest or any(one.place.chain == place.chain and one.place <= place for place in read)
        (known if says else unknown).append(one)
    return known, unknown


def _excuse_change(world: World, before: State, after: State) -> None:
    """What a disk does not say any more: tokens, and that some of an earlier chain were told again.

    Of those the robot can only choose between telling them once more and losing what it had perhaps not told.
    """
    gone = places_in(before) - places_in(after)
    _excuse(world, gone)
    world.excused.unwritten |= gone
    world.robot.carried, unknown = _told_again(world.robot.carried, before, after)
    for one in unknown:
        made = world.robot.made.get((base64url.encode(one.place.chain), one.place.seq))
        world.excused.told_again.update(made.ids if made is not None else ())


def changed_while_off(world: World, state: State) -> None:
    """The robot starts again, and its disk holds this."""
    _excuse_change(world, world.robot.memory.state, state)
    world.robot.put(state)
    world.start_agent_again()


def _excuse_all(world: World) -> None:
    """With its journal the robot also lost what it had to say of earlier losses."""
    _excuse(world, set(world.robot.made))


def clean_restart(world: World) -> None:
    try:
        world.robot.stop()
    except JournalError:
        world.robot.kill()
    else:
        world.robot.kill()
    world.start_agent_again()


def killed(world: World) -> None:
    world.robot.kill()
    world.start_agent_again()


def power_cut(world: World) -> None:
    world.robot.cut_power(world.chance)
    world.t += world.chance.choice((3.0, 40.0, 900.0))
    world.start_agent_again()


def power_cut_again_and_again(world: World) -> None:
    """A battery that is failing."""
    for _ in range(world.chance.randint(2, 4)):
        world.robot.cut_power(world.chance)
        world.t += 20.0
        world.start_agent_again()
        world.run(world.chance.choice((0.5, 2.0, 15.0)))
    power_cut(world)


def disk_full(world: World) -> None:
    world.robot.memory.free = world.chance.choice((0, 300, 5000))
    world.run(world.chance.choice((20.0, 90.0)))
    if world.chance.random() < 0.4:
        world.robot.kill()
        world.robot.memory.free = 0
        world.start_agent_again()
        world.run(20.0)
    world.robot.lift_disk_faults()


def disk_short(world: World) -> None:
    """Others fill it, up to what the robot is to keep."""
    world.robot.is_short = True
    world.run(60.0)
    if world.chance.random() < 0.5:
        world.robot.cut_power(world.chance)
        world.start_agent_again()
        world.run(20.0)
    world.robot.lift_disk_faults()


def disk_read_only(world: World) -> None:
    """As a kernel does with a failing card; then the board is started again."""
    world.robot.memory.is_read_only = True
    world.run(world.chance.choice((5.0, 60.0)))
    world.robot.lift_disk_faults()
    if world.chance.random() < 0.5:
        power_cut(world)


def segment_unreadable(world: World) -> None:
    memory = world.robot.memory
    names = [name for name in memory.state if name.endswith(_SUFFIX)]
    name = world.chance.choice(names)
    _excuse(world, places_in({name: memory.state[name]}))
    memory.unreadable.add(name)
    world.run(20.0)
    world.robot.lift_disk_faults()


def _spoilt(world: World, spoil: Callable[[bytes], bytes], of: str = _SUFFIX) -> State:
    state = dict(world.robot.memory.state)
    for name in world.chance.sample(sorted(state), min(len(state), world.chance.randint(1, 3))):
        if name.endswith(of) and state[name]:
            state[name] = spoil(state[name])
    return state


def _page_damaged(world: World, data: bytes) -> bytes:
    """A page reads as nothing, as rubbish, or with one bit turned."""
    begin = world.chance.randrange(len(data)) // _PAGE * _PAGE
    end = min(begin + _PAGE, len(data))
    bit = world.chance.randrange(begin, end)
    page = world.chance.choice(
        (
            bytes(end - begin),
            b"\xff" * (end - begin),
            world.chance.randbytes(end - begin),
            data[begin:bit] + bytes([data[bit] ^ 1 << world.chance.randrange(8)]) + data[bit + 1 : end],
        )
    )
    return data[:begin] + page + data[end:]


def pages_damaged_while_off(world: World) -> None:
    state = _spoilt(world, lambda data: _page_damaged(world, data))
    if world.chance.random() < 0.5 and world.robot.runs:
        world.robot.stop()
        state = _spoilt(world, lambda data: _page_damaged(world, data))
    changed_while_off(world, state)


def pages_damaged_while_running(world: World) -> None:
    state = _spoilt(world, lambda data: _page_damaged(world, data))
    _excuse_change(world, world.robot.memory.state, state)
    world.robot.memory.spoil(state)
    world.run(10.0)
    if world.chance.random() < 0.5:
        killed(world)


def tail_torn(world: World) -> None:
    """The newest file ends too early: a card that did not write what it said it had."""
    state = dict(world.robot.memory.state)
    newest = max(name for name in state if name.endswith(_SUFFIX))
    state[newest] = state[newest][: world.chance.randrange(len(state[newest]) + 1)]
    world.excused.forgot = True
    changed_while_off(world, state)


def journal_deleted(world: World) -> None:
    memory = world.robot.memory
    _excuse_all(world)
    world.robot.kill()
    world.robot.put({name: data for name, data in memory.state.items() if not name.endswith(_SUFFIX)})
    world.start_agent_again()


def journal_deleted_while_running(world: World) -> None:
    memory = world.robot.memory
    _excuse_all(world)
    memory.spoil({name: data for name, data in memory.state.items() if not name.endswith(_SUFFIX)})
    world.run(20.0)
    if world.chance.random() < 0.5:
        killed(world)


def journal_rolled_back(world: World) -> None:
    """A copy of the card from some minutes ago is put in, of a robot that ran or that was stopped."""
    if world.chance.random() < 0.5:
        world.robot.stop()
        copy, last = world.robot.memory.state, world.robot.last
        world.robot.kill()
        world.start_agent_again()
    else:
        copy, last = world.robot.memory.state, world.robot.last
    world.run(world.chance.choice((5.0, 60.0, 400.0)))
    _excuse_all(world)
    _excuse_change(world, copy, copy)  # it says what was told again until then, and nothing of what was later
    world.excused.may_fork = True
    world.robot.put(dict(copy))
    world.robot.last = last
    world.start_agent_again()
