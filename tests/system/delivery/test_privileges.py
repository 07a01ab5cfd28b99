"""What a real running agent may do, by the kernel's own word about each of its threads."""

import socket
from pathlib import Path

import pytest

from tests.robots.living import Living
from tests.waiting import until
from wachhund_agent.kernel import capabilities
from wachhund_agent.privileges import NEEDED


def of_thread(pid: int, thread: str) -> frozenset[int]:
    return capabilities.effective(f"/proc/{pid}/task/{thread}/status")


@pytest.mark.needs_root("kernel events, and privileges to give up")
def test_a_running_agent_keeps_what_sensing_needs_and_its_other_threads_nothing(tmp_path: Path) -> None:
    """A hole in what hears the network must not be a hole into the robot."""
    with Living(tmp_path) as robot:
        robot.start_agent()
        assert robot.agent is not None
        pid = robot.agent.pid
        until(lambda: of_thread(pid, str(pid)) == frozenset(NEEDED), 20, "the sensing thread keeps what it needs")
        threads = Path(f"/proc/{pid}/task")
        until(lambda: len(list(threads.iterdir())) >= 3, 20, "all its threads are there")
        for other in {thread.name for thread in threads.iterdir()} - {str(pid)}:
            until(lambda one=other: of_thread(pid, one) == frozenset(), 5, f"thread {other} keeps nothing")
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status


@pytest.mark.thorough
@pytest.mark.needs_root("kernel events")
def test_a_service_manager_hears_that_it_is_ready_alive_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that it starts what waits for us, notices that we hang, and says how we are."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        with Living(tmp_path) as robot:  # its host runs already, and tells the manager nothing
            monkeypatch.setenv("NOTIFY_SOCKET", str(path))
            monkeypatch.setenv("WATCHDOG_USEC", "3000000")
            robot.start_agent()
            heard = [manager.recv(4096).decode() for _ in range(6)]
    assert heard[0] == "READY=1"
    assert "STATUS=verified by the host" in heard and heard.count("WATCHDOG=1") >= 3
