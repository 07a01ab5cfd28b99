"""A modem's bytes against a real broker and ledger: used up, then what is of interest, then everything."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.robots.inner_agent import InnerAgent, inner_agent
from tests.robots.running_host import RunningHost
from tests.waiting import until
from wachhund.ledger import Ledger
from wachhund.ledger.records import StoredObservation
from wachhund_agent.config import Limits

# A bucket of 12,000 bytes, some ten tokens; the day's rest comes in at half a byte a second.
LIMITS = Limits(modem_day_bytes=60_000, modem_every_s=0.2, modem_alive_s=2.0, route_look_s=0.2)


def told(ledger: Ledger, kind: str) -> list[StoredObservation]:
    return ledger.observations_after(0, 100_000, kinds=[kind])


def use_up(agent: InnerAgent) -> None:
    """Calm observations, until some of them stay."""
    seed = random.Random(5)

    def stays() -> bool:
        agent.observe("process.exit", text=f"{seed.getrandbits(2000):x}")
        return agent.uplink.held().tokens > 5

    until(stays, 30, "the modem's bytes are used up")


@pytest.mark.thorough
def test_what_a_modem_cannot_carry_waits_and_comes_later_and_the_host_is_told(tmp_path: Path) -> None:
    """Nothing is lost, an alarm does not wait, and no number that is held back makes the robot look broken."""
    with RunningHost(tmp_path / "data") as host, inner_agent(host, tmp_path, LIMITS) as agent:
        agent.on_modem = True
        use_up(agent)
        agent.observe("login.start", user="mallory")
        until(lambda: told(host.ledger, "login.start"), 5, "the alarm is at the host")
        until(lambda: host.ledger.gaps(agent.robot), 5, "and what was made before is not")

        def says_so() -> bool:
            beats = told(host.ledger, "heartbeat")
            return any(beat.observation.fields["held_back_tokens"] > 5 for beat in beats)

        until(says_so, 10, "a heartbeat that left ahead of the others says what is held back")
        paid = agent.uplink.sent_bytes
        assert paid < 12_000 + 8 * 4096, "a bucket, one alarm and a few signs of life"
        assert host.ledger.faults(agent.robot) == []
        agent.on_modem = False
        last = agent.journal.next_seq - 1
        until(lambda: agent.journal.receipted >= last, 30, "everything that waited is receipted")
        assert host.ledger.gaps(agent.robot) == [] and host.ledger.faults(agent.robot) == []
        until(lambda: agent.uplink.held().tokens == 0, 5, "nothing is held back any more")
        (line,) = host.ledger.chain_line(agent.robot)
        assert line.first_seq == 1 and line.tokens == line.last_seq == line.contiguous_seq


@pytest.mark.thorough
@pytest.mark.of_one_machine  # ends the embedded broker
def test_a_modem_that_loses_its_connection_again_and_again_does_not_pay_twice(tmp_path: Path) -> None:
    """What the host has beyond a hole is not sent again for a new connection."""
    with RunningHost(tmp_path / "data") as host, inner_agent(host, tmp_path, LIMITS) as agent:
        agent.on_modem = True
        use_up(agent)
        for number in range(5):
            agent.observe("login.start", user=str(number))
            until(lambda: len(told(host.ledger, "login.start")) > number, 5, "the alarm is at the host")  # noqa: B023
        alarms = [one.seq for one in told(host.ledger, "login.start")]
        until(lambda: all(map(agent.journal.at_host.holds, alarms)), 10, "each alarm is receipted")
        before = agent.uplink.sent_bytes
        connections = agent.uplink.wire.connections
        assert host.broker.pid is not None
        os.kill(host.broker.pid, signal.SIGKILL)
        until(lambda: agent.uplink.wire.connections > connections, 20, "there is a new connection")
        agent.observe("login.end", user="x")
        until(lambda: told(host.ledger, "login.end"), 20, "an alarm comes over it")
        assert len(told(host.ledger, "login.start")) == 5
        # That alarm and signs of life while it took; five alarms again would be some 6,000 more.
        assert agent.uplink.sent_bytes - before < 6_000
