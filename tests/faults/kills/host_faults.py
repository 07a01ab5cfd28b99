"""What happens to the host, its broker and its disk: to all robots at once."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.faults.kills.stage import Stage, fill, until


def host_killed(stage: Stage, chance: random.Random) -> None:
    stage.end_host(signal.SIGKILL)
    stage.start_host()


def host_restarted(stage: Stage, chance: random.Random) -> None:
    stage.end_host(signal.SIGTERM)
    time.sleep(chance.choice((0.0, 3.0)))
    stage.start_host()


def host_stopped(stage: Stage, chance: random.Random) -> None:
    """SIGSTOP of the host; its broker goes on."""
    stage.signal_host(signal.SIGSTOP)
    time.sleep(chance.choice((1.0, 6.0, 20.0)))
    stage.signal_host(signal.SIGCONT)


def broker_killed(stage: Stage, chance: random.Random) -> None:
    old = stage.broker_pid()
    os.kill(old, signal.SIGKILL)
    until(lambda: stage.broker_pid() not in (0, old), 30.0, "the host starts its broker again", stage.must_run)


def broker_killed_again_and_again(stage: Stage, chance: random.Random) -> None:
    for _ in range(3):
        broker_killed(stage, chance)
        time.sleep(chance.uniform(0.1, 1.0))


def broker_stopped(stage: Stage, chance: random.Random) -> None:
    """SIGSTOP of the broker alone."""
    broker = stage.broker_pid()
    os.kill(broker, signal.SIGSTOP)
    time.sleep(chance.choice((1.0, 5.0)))
    with contextlib.suppress(ProcessLookupError):  # the host has replaced it
        os.kill(broker, signal.SIGCONT)


def broker_lost_its_state(stage: Stage, chance: random.Random) -> None:
    """Everything that it ever stored is gone at its next start."""
    stage.end_host(signal.SIGKILL)
    shutil.rmtree(stage.data / "broker", ignore_errors=True)
    stage.start_host()


def host_restored(stage: Stage, chance: random.Random) -> None:
    """From a backup of now, of some seconds ago, or of an earlier fault."""
    stage.back_up()
    time.sleep(chance.choice((0.5, 5.0)))
    stage.end_host(chance.choice((signal.SIGTERM, signal.SIGKILL)))
    stage.restore(chance.choice(stage.backups[-2:]))
    stage.start_host()


def hosts_disk_full(stage: Stage, chance: random.Random) -> None:
    """The ledger's disk is full to the last byte, for a while."""
    taken = fill(stage.data.parent)
    time.sleep(chance.uniform(3.0, 8.0))
    if chance.random() < 0.3:
        stage.end_host(signal.SIGKILL)
        taken.unlink(missing_ok=True)
        stage.start_host()
    else:
        taken.unlink(missing_ok=True)


class HostFault(NamedTuple):
    """`may`: kinds of faults in the evidence that honest robots may get by it."""

    act: Callable[[Stage, random.Random], None]
    may: frozenset[str] = frozenset()
    weight: int = 2
    mounts: bool = False
    restores: bool = False

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", " ")


HOST_FAULTS = (
    HostFault(host_killed, weight=5),
    HostFault(host_restarted),
    HostFault(host_stopped),
    HostFault(broker_killed, weight=4),
    HostFault(broker_killed_again_and_again),
    HostFault(broker_stopped),
    HostFault(broker_lost_its_state),
    HostFault(host_restored, frozenset({"lost-by-host", "dropped", "gap"}), restores=True),
    HostFault(hosts_disk_full, mounts=True),
)
