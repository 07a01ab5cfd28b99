"""Doors are told with who opened them, in whichever order a look and the kernel's word for it come."""

import os
import socket
from typing import List, Optional, Set, Tuple

from wachhund_agent.kernel.sock_diag import LISTEN, TcpSocket
from wachhund_agent.sensors.process_table import ProcessTable
from wachhund_agent.sensors.tcp_listeners import OWNER_WAIT_S, Listeners
from wachhund_agent.sensors.tcp_owners import Owners

DOOR = TcpSocket(socket.AF_INET, LISTEN, ("0.0.0.0", 9022), ("0.0.0.0", 0), 1, 0, 77, None)
OTHER = DOOR._replace(local=("0.0.0.0", 22), inode=78)


class Robot:
    """Its doors and who holds them, as the test sets it; its one process is the test's own."""

    def __init__(self) -> None:
        self.doors: List[TcpSocket] = []
        self.held: Set[int] = set()
        self.owners = Owners(ProcessTable(), lambda pid: self.held if pid == os.getpid() else set())
        self.listeners = Listeners(self.owners, lambda: self.doors)

    def look(self, mono: float, existing: bool = False) -> List[Tuple[str, int, Optional[int]]]:
        self.owners.begin()
        return [
            (one.kind, one.listener.local[1], one.listener.owner and one.listener.owner.pid)
            for one in self.listeners.look(mono, existing)
        ]


def test_a_door_that_a_look_finds_before_its_event_is_told_is_told_with_its_owner() -> None:
    """Another door's event makes the look, and all files of all processes are not read twice within 2 s."""
    robot = Robot()
    robot.doors, robot.held = [OTHER], {OTHER.inode}
    assert robot.look(100.0) == [("listen.open", 22, os.getpid())], "all processes were asked now"
    robot.doors, robot.held = [OTHER, DOOR], {OTHER.inode, DOOR.inode}
    assert robot.look(100.5) == [] and robot.listeners.seeks
    robot.listeners.heard(DOOR.local, robot.owners.of_pid(os.getpid()))
    assert robot.look(100.6) == [("listen.open", 9022, os.getpid())]
    assert robot.look(100.7) == [] and not robot.listeners.seeks


def test_a_door_without_an_event_is_told_once_all_processes_can_be_asked_again() -> None:
    robot = Robot()
    robot.doors = [OTHER]
    robot.look(100.0)
    robot.doors, robot.held = [OTHER, DOOR], {DOOR.inode}
    assert robot.look(101.0) == []
    assert ("listen.open", 9022, os.getpid()) in robot.look(102.1)


def test_a_door_that_nobody_holds_is_told_in_the_end_and_once() -> None:
    """The kernel's own, as of NFS."""
    robot = Robot()
    robot.doors = [DOOR]
    assert robot.look(100.0) == []
    assert robot.look(100.0 + OWNER_WAIT_S) == [("listen.open", 9022, None)]
    assert robot.look(110.0) == [] and not robot.listeners.seeks


def test_a_door_that_closes_while_its_owner_is_sought_is_told_with_its_end() -> None:
    robot = Robot()
    robot.doors = [DOOR]
    robot.look(100.0)
    robot.doors = []
    assert robot.look(100.5) == [("listen.open", 9022, None), ("listen.close", 9022, None)]
    assert not robot.listeners.seeks


def test_what_is_open_when_the_agent_starts_is_told_at_once() -> None:
    robot = Robot()
    robot.doors = [DOOR]
    assert robot.look(100.0, existing=True) == [("listen.open", 9022, None)]
    assert robot.look(101.0) == []
