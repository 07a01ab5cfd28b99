"""Tries to log in that fail: how late they may be told. A real log file, a clock that the test turns."""

import pathlib
from typing import Iterator, List, Tuple

import pytest

from wachhund_agent.sensors import login
from wachhund_agent.sensors.login import LoginFiles, LoginSense
from wachhund_agent.sensors.login_failures import FAILED_EVERY_S, MANY_EVERY_S, MANY_FAILED
from wachhund_evidence import Observation

SOURCE, OTHER = "203.0.113.9", "198.51.100.7"
LOOK_S = LoginSense.interval_s


class Machine:
    """A machine's logs, and the sense that follows them. `now`: its clock in seconds."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._log = folder / "auth.log"
        self._log.touch()
        files = LoginFiles(self._log, folder / "wtmp", folder / "btmp", folder / "utmp")
        self.sense = LoginSense(lambda pid: None, lambda: {}, files)
        self.now = 100.0
        self.sense.start(self.now)

    def fails(self, times: int = 1, source: str = SOURCE) -> None:
        self._write("Failed password for root from {} port 4000 ssh2".format(source), times)

    def comes_in(self, source: str = SOURCE) -> None:
        self._write("Accepted password for pi from {} port 4000 ssh2".format(source), 1)

    def _write(self, message: str, times: int) -> None:
        with self._log.open("a") as file:
            file.write("Nov 26 06:00:00 go1 sshd[4711]: {}\n".format(message) * times)

    def look(self, after: float = LOOK_S) -> List[Observation]:
        self.now += after
        return self.sense.look(self.now)

    def until(self, seconds: float) -> List[Tuple[float, int]]:
        """When what is told in this time is told, from now on, and how much."""
        began, found = self.now, []
        while self.now < began + seconds:
            found += [(self.now - began, int(one.fields["count"])) for one in self.look()]
        return found


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.sense.close()


def counts(observations: List[Observation]) -> List[Tuple[str, int]]:
    return [(one.kind, int(one.fields.get("count", 0))) for one in observations]


def test_the_first_try_is_told_at_once_and_the_next_within_its_time(machine: Machine) -> None:
    """Somebody who tries now and then is told of; each try costs no observation of its own."""
    machine.fails()
    assert counts(machine.look()) == [("login.failed", 1)]
    machine.fails(3)
    ((late, count),) = machine.until(FAILED_EVERY_S + LOOK_S)
    assert count == 3 and late <= FAILED_EVERY_S
    assert machine.until(FAILED_EVERY_S * 2) == []


def test_many_from_one_source_do_not_wait_so_long(machine: Machine) -> None:
    """A guess that runs is news; and somebody who guesses without end must not fill the way to the host."""
    machine.fails()
    machine.look()
    machine.fails(MANY_FAILED)
    ((late, count),) = machine.until(MANY_EVERY_S)
    assert count == MANY_FAILED and late <= MANY_EVERY_S
    told = []
    for _ in range(40):
        machine.fails(MANY_FAILED)
        told += machine.look()
    assert len(told) <= 40 * LOOK_S / MANY_EVERY_S + 1
    told += machine.look(MANY_EVERY_S)
    assert sum(int(one.fields["count"]) for one in told) == 40 * MANY_FAILED, "none is lost"


def test_what_failed_is_told_before_the_login_from_there(machine: Machine) -> None:
    """Else a guess that went through looks like the login of somebody who never mistyped."""
    machine.fails()
    machine.fails(source=OTHER)
    machine.look()
    machine.fails(4)
    machine.fails(2, OTHER)
    assert machine.look() == []
    machine.comes_in()
    assert counts(machine.look()) == [("login.failed", 4)], "of the other source nobody is in a hurry"
    assert counts(machine.look(login.JOIN_S))[0] == ("login.start", 0)


def test_what_is_counted_when_the_agent_ends_is_told(machine: Machine) -> None:
    """Also what the log got in its last moment."""
    machine.fails()
    machine.look()
    machine.fails(2)
    assert machine.look() == []
    machine.fails(3)
    assert counts(machine.sense.ending(machine.now)) == [("login.failed", 5)]
    assert machine.sense.ending(machine.now) == []
