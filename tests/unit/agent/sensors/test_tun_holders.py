"""Who holds an interface: found when it changed, by few looks, and again when the holder is no more."""

import os
from typing import Dict, List, Optional

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.tun_files import TunFiles, parse_fdinfo, tun_files
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.tun_holders import LOOKS, SHOWN, TunHolders, shown


class Files:
    """What the kernel would say, and how often it was asked."""

    def __init__(self) -> None:
        self.holders: Dict[str, List[int]] = {}
        self.is_whole = True
        self.asked = 0

    def __call__(self) -> TunFiles:
        self.asked += 1
        return TunFiles(self.holders, self.is_whole)


def myself(pid: int) -> Optional[Owner]:
    """Any number stands for this process, which runs."""
    stat = procfs.stat(os.getpid())
    return None if stat is None else Owner(os.getpid(), procfs.puid(os.getpid(), stat.start_ticks), "/x", "root")


def test_a_line_of_the_kernel_names_the_interface() -> None:
    assert parse_fdinfo(b"pos:\t0\nflags:\t02\niff:\ttun0\n") == "tun0"
    assert parse_fdinfo(b"pos:\t0\nflags:\t02\n") == parse_fdinfo(b"") == ""


def test_a_machine_is_looked_through_without_a_word_of_those_that_hold_none() -> None:
    assert all(pids for pids in tun_files().holders.values())


def test_an_interface_is_looked_at_a_few_times_and_again_only_when_it_changed() -> None:
    files = Files()
    held = TunHolders(myself, files)
    for mono in range(200):
        held.look({"tun0"}, float(mono))
    assert files.asked == LOOKS
    held.changed(["tun0", "no-such"], 200.0)
    files.holders = {"tun0": [7]}
    assert held.look({"tun0"}, 200.0) and not held.look({"tun0"}, 201.0)
    assert [owner.exe for owner in held.of("tun0") or ()] == ["/x"]


def test_however_many_interfaces_change_the_files_are_looked_through_once_a_second() -> None:
    files = Files()
    held = TunHolders(myself, files)
    for step in range(100):
        held.look({"tun{}".format(step)}, 10.0 + step / 100)
    assert files.asked == 1


def test_the_one_that_took_it_over_is_found_when_its_holder_is_no_more() -> None:
    files = Files()
    gone = Owner(2**22 + 1, "4194305-1", "/gone", "root")
    held = TunHolders(lambda pid: gone if pid == gone.pid else myself(pid), files)
    files.holders = {"tun0": [gone.pid]}
    for mono in range(30):
        held.look({"tun0"}, float(mono))
    assert held.of("tun0") == [gone]
    files.holders = {"tun0": [7]}
    for mono in range(30, 50):
        held.look({"tun0"}, float(mono))
    assert [owner.exe for owner in held.of("tun0") or ()] == ["/x"]


def test_nobody_is_told_from_nobody_seen() -> None:
    files = Files()
    held = TunHolders(myself, files)
    held.look({"tun0"}, 0.0)
    assert shown(held.of("tun0")) == []
    files.is_whole = False
    held.changed(["tun0"], 5.0)
    assert held.look({"tun0"}, 5.0) and shown(held.of("tun0")) is None


def test_of_many_holders_a_few_are_told() -> None:
    files = Files()
    files.holders = {"tun0": list(range(3, 60))}
    held = TunHolders(myself, files)
    held.look({"tun0"}, 0.0)
    assert len(held.of("tun0") or ()) == SHOWN
