"""Reading a child that follows the journal: it may be silent, chatty, ended or missing, and never holds the agent."""

import time
from pathlib import Path
from typing import List

from wachhund_agent.kernel.journal_follow import AGAIN_S, LINE_BYTES, JournalFollower


def follower(tmp_path: Path, script: str) -> JournalFollower:
    return JournalFollower(["sh", "-c", script], runtime=tmp_path)


def lines(follower: JournalFollower, count: int) -> List[bytes]:
    found: List[bytes] = []
    deadline = time.monotonic() + 10
    while len(found) < count:
        assert time.monotonic() < deadline, found
        found += [line for line in follower.look(100.0).split(b"\n") if line]
        time.sleep(0.01)
    return found


def test_whole_lines_come_and_a_part_waits_for_its_rest(tmp_path: Path) -> None:
    made = follower(tmp_path, "printf 'one\\ntw'; sleep 0.3; printf 'o\\nthree\\n'; sleep 60")
    assert lines(made, 3) == [b"one", b"two", b"three"]
    assert made.why is None and made.look(100.0) == b"", "a silent child holds nobody"
    made.close()
    made.close()


def test_a_line_without_end_is_left_out_and_counted(tmp_path: Path) -> None:
    made = follower(tmp_path, "head -c {} /dev/zero; sleep 0.3; printf '\\nnext\\n'; sleep 60".format(LINE_BYTES + 10))
    assert lines(made, 1)[-1] == b"next" and made.dropped == 1
    made.close()


def test_a_child_that_ends_is_started_again_but_not_at_once(tmp_path: Path) -> None:
    made = follower(tmp_path, "echo x")
    assert lines(made, 1) == [b"x"]
    deadline = time.monotonic() + 10
    while made.why is None and time.monotonic() < deadline:
        made.look(100.0)
    assert made.why == "journalctl ended"
    assert made.look(100.0 + AGAIN_S - 1) == b"" and made.why == "journalctl ended"
    made.look(100.0 + AGAIN_S)
    assert made.why is None
    made.close()


def test_without_a_journal_or_a_reader_nothing_is_started(tmp_path: Path) -> None:
    none = JournalFollower(["sh", "-c", "echo x"], runtime=tmp_path / "socket")
    assert none.look(0.0) == b"" and "no journal runs" in str(none.why)
    missing = JournalFollower([str(tmp_path / "no-such-program")], runtime=tmp_path)
    assert missing.look(0.0) == b"" and "does not start" in str(missing.why)
    none.close()
    missing.close()
