"""A backlog of thousands of tokens, a real broker, a real host: it delays nothing, and it drains whole."""

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.inner_agent import InnerAgent
from tests.robots.living import Living
from tests.robots.old_journal import boot
from tests.robots.running_host import RunningHost, register
from tests.robots.scripted import ScriptedRobot
from tests.system.delivery.journal_copy import journalled
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.web.standing import presence
from wachhund_agent.config import Limits
from wachhund_agent.identity import load_key
from wachhund_evidence import make_nonce, pack_message, ueid_of

DAY_S = 86_400.0
MONTH_AGO_S = 30 * DAY_S


@pytest.mark.exhaustive
@pytest.mark.timeout(300)
def test_a_backlog_of_thousands_does_not_delay_an_alarm_and_drains_whole_each_once(tmp_path: Path) -> None:
    """Somebody logs in as the network comes back. Two seconds later the host knows, and hours later all the rest."""
    with RunningHost(tmp_path / "data") as host:
        scripted = ScriptedRobot()
        config = register(host.data, "rex", scripted, host.port)
        path = tmp_path / "agent.json"
        path.write_text(json.dumps(config))
        boot(tmp_path / "agent-data" / "journal", scripted.key, config["nonce"], time.time, 2500)
        with InnerAgent(path, scripted.key, Limits()) as agent:
            until(lambda: agent.uplink.wire.connected, 20, "there is a connection")
            agent.observe("login.start", user="mallory")
            connected = time.monotonic()

            def told() -> bool:
                return bool(host.ledger.observations_after(0, 100_000, kinds=["login.start"]))

            until(told, 2, "the alarm is in the ledger")
            took = time.monotonic() - connected
            (line,) = host.ledger.chain_line(agent.robot)
            assert line.tokens < 1000 and took < 2, "while the backlog is still on its way"
            beat = host.ledger.observations_after(0, 100_000, kinds=["heartbeat"])[-1]
            assert beat.observation.fields["held_back_tokens"] > 1000, "which the robot says itself"
            until(lambda: agent.uplink.held().tokens == 0, 200, "nothing waits any more")
            last = agent.journal.next_seq - 1
            until(lambda: agent.journal.receipted >= last, 20, "all of it is receipted")
        (line,) = host.ledger.chain_line(agent.robot)
        assert line.first_seq == 1 and line.tokens == line.last_seq == line.contiguous_seq >= 2500
        assert host.ledger.gaps(agent.robot) == [] and host.ledger.faults(agent.robot) == []
        refused = {one.reason: one for one in host.ledger.rejections().values()}
        assert refused.keys() <= {"broker-store"}, f"nothing, but for a disk that made the broker late: {refused}"
        topic = len(f"wachhund/1/{agent.robot}/evidence")
        journal = journalled(path.parent / "agent-data" / "journal")
        sent = sum(len(pack_message(text)) + topic for (_, seq), text in journal.items() if seq <= line.last_seq)
        assert agent.uplink.sent_bytes == sent, "each left once"


def a_month_off(living: Living) -> int:
    """Three boots of a month ago, without a host: clean ends, pulled batteries. Returns how many tokens there are."""
    then = time.time() - MONTH_AGO_S
    path = living.folder / "agent.json"
    config = json.loads(path.read_text())
    key = load_key(living.folder / "agent.key")
    secret = HostKeys.load_or_create(DataFolder(living.data)).nonce_secret
    config["nonce"] = make_nonce(secret, ueid_of(key.public_key()), int(then * 1_000_000))
    path.write_text(json.dumps(config))
    journal = living.folder / "agent-data" / "journal"
    # The first boot has no clock at all, as a Go1 without a network: it is 2021.
    boot(journal, key, config["nonce"], lambda: 1_609_459_200.0, 100)
    boot(journal, key, config["nonce"], lambda: then + DAY_S, 100, cleanly=False)
    boot(journal, key, config["nonce"], lambda: then + 2 * DAY_S, 100, cleanly=False)
    return len(journalled(journal))


@pytest.mark.thorough
def test_a_robot_that_was_off_for_a_month_comes_back_by_itself_and_is_verified(tmp_path: Path) -> None:
    """Old nonces, clocks that step, numbers skipped after each pulled battery: nobody has to do anything."""
    with Living(tmp_path) as living, closing(living.ledger()) as ledger:
        made = a_month_off(living)
        assert made == 300
        living.start_agent()

        def verified() -> bool:
            return presence(ledger.newest(living.robot), 0.0, time.time()).word == "verified"

        until(verified, 30, "the robot is verified")
        drained = journalled(living.folder / "agent-data" / "journal")
        assert len(drained) > made

        def all_there() -> bool:
            return all(ledger.token(living.robot, chain, seq) is not None for chain, seq in drained)

        until(all_there, 60, "all that was made a month ago is in the ledger")
        (line,) = ledger.chain_line(living.robot)
        assert line.boots == 4 and line.forks == 0
        until(lambda: not [gap for gap in ledger.gaps(living.robot) if not gap.stated], 20, "no number is missing")
        assert [gap.to_seq - gap.from_seq + 1 for gap in ledger.gaps(living.robot)] == [64, 64]
        assert ledger.faults(living.robot) == []
        old = ledger.token(living.robot, line.chain, 5)
        assert old is not None and old.nonce_t is not None and time.time() - old.nonce_t > MONTH_AGO_S - 60
        assert old.iat < 1_609_459_300, "as the robot believed then"
        until(verified, 30, "and it stays verified")
