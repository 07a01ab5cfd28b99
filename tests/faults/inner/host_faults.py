"""What happens to the host, and to the clocks of both."""

from tests.faults.inner.world import World

_YEAR_S = 365.25 * 86400.0


def host_restarts(world: World) -> None:
    world.host.stop()
    world.run(world.chance.choice((1.0, 30.0, 200.0)))
    world.host.start()


def host_killed(world: World) -> None:
    world.host.kill()
    world.run(world.chance.choice((1.0, 30.0)))
    world.host.start()


def host_killed_in_a_commit(world: World) -> None:
    messages: list[bytes] = []
    until = world.t + 30.0
    while not messages and world.t < until:
        world.holds_host = True
        world.t += 0.5
        world.wire.now = world.robot.now = world.t
        world.robot.observe("process.start")
        world.robot.turn()
        messages = world.wire.evidence()
    world.holds_host = False
    world.host.kill_in_a_commit(world.chance, messages)
    world.run(2.0)
    world.host.start()


def host_restored_from_a_backup(world: World) -> None:
    """Of a moment ago, or of an earlier fault: what came since is gone from the host."""
    world.host.back_up()
    world.run(world.chance.choice((5.0, 60.0, 300.0)))
    chosen = world.chance.choice(world.host.backups[-3:])
    world.host.restore(chosen)
    world.run(world.chance.choice((1.0, 30.0)))
    world.host.start()
    world.note_restored()


def ledger_disk_full(world: World) -> None:
    with world.host.disk_fault("full"):
        world.run(world.chance.choice((5.0, 60.0)))


def ledger_disk_read_only(world: World) -> None:
    with world.host.disk_fault("read-only"):
        world.run(world.chance.choice((5.0, 60.0)))


def robots_clock_steps(world: World) -> None:
    """It has no clock of its own: 2021, then the time of a phone, then 2038."""
    for _ in range(3):
        world.robot.wall_error += world.chance.choice((-1, 1)) * world.chance.random() * 15 * _YEAR_S
        world.run(10.0)
    world.robot.wall_error = max(world.robot.wall_error, -50 * _YEAR_S)


def hosts_clock_steps_forward(world: World) -> None:
    world.host.wall_error += world.chance.choice((90.0, 3600.0, _YEAR_S, 5 * _YEAR_S))
    world.run(1.0)


def hosts_clock_steps_back(world: World) -> None:
    """Its battery was empty, or somebody set it right again."""
    world.host.wall_error -= world.chance.choice((90.0, 3600.0, _YEAR_S, 5 * _YEAR_S))
    world.run(1.0)
