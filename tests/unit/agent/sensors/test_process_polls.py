"""What a poll takes for news, on this very process: it is new once, and again when it runs something else."""

import os

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.process_polls import Polls

PID = os.getpid()


def own_stat() -> procfs.Stat:
    stat = procfs.stat(PID)
    assert stat is not None
    return stat


def test_a_process_is_news_until_it_is_handled_and_again_when_its_number_is_anothers() -> None:
    polls, stat = Polls(), own_stat()
    assert polls.is_news(PID, stat)
    polls.handled(PID, stat)
    assert not polls.is_news(PID, stat)
    assert polls.is_news(PID, stat._replace(start_ticks=stat.start_ticks + 1))
    polls.forget_but(())
    assert polls.is_news(PID, stat)


def test_a_young_process_that_runs_another_program_by_now_is_news() -> None:
    """A shell that starts a tool in its place is seen first as the shell."""
    polls, stat = Polls(), own_stat()
    polls.handled(PID, stat)
    polls.saw(PID, stat, "/bin/sh", [b"sh"], young=True)
    assert polls.is_news(PID, stat)
    assert not polls.is_news(PID, stat), "once"


def test_a_process_that_stays_what_it_is_is_looked_at_no_further() -> None:
    """A look costs three reads of /proc, and a robot runs some 250."""
    polls, stat = Polls(), own_stat()
    polls.handled(PID, stat)
    polls.saw(PID, stat, "/bin/sh", [b"sh"], young=False)
    assert not polls.is_news(PID, stat), "neither young nor with another name"
    assert polls.is_news(PID, stat._replace(comm=b"tool"))
