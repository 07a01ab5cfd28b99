"""A silence that was a cut network: the agent lived, and says afterwards how long it could not be heard."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.inner_agent import InnerAgent
from tests.robots.living import Living
from tests.waiting import until
from wachhund.ledger.records import StoredObservation
from wachhund_agent.config import Limits
from wachhund_agent.identity import load_key

CUT_S = 5.0  # what the host needs to stop and start is longer, what the agent needs to connect is shorter


@pytest.mark.thorough
def test_a_cut_network_is_told_when_it_is_over_and_a_short_one_is_not(tmp_path: Path) -> None:
    """Who cuts the wire can then not pass for a dead agent; a broker that starts anew is nobody's attack."""
    with Living(tmp_path) as living, closing(living.ledger()) as ledger:
        key = load_key(tmp_path / "agent.key")
        with InnerAgent(tmp_path / "agent.json", key, Limits(cut_s=CUT_S, heartbeat_s=0.5)) as agent:

            def cuts() -> list[StoredObservation]:
                states = ledger.observations_after(0, 10_000, kinds=["config.state"])
                return [state for state in states if state.observation.fields["name"] == "uplink"]

            until(lambda: agent.journal.receipted > 2, 20, "evidence flows")
            assert cuts() == [], "the first connection came at once"
            living.stop_host()
            until(lambda: not agent.uplink.wire.connected, 10, "the connection is lost")
            made = agent.journal.next_seq
            until(lambda: agent.journal.next_seq > made + 2 * CUT_S / 0.5, 30, "the agent lives on, unheard")
            living.start_host()
            until(cuts, 60, "the cut is told")
            (cut,) = cuts()
            fields = cut.observation.fields
            assert fields["value"] is True and fields["was"] is False
            assert isinstance(fields["seconds"], float) and CUT_S < fields["seconds"] < 120
            assert cut.seq > made, "by evidence from after the cut"
            until(lambda: agent.journal.receipted >= cut.seq, 20, "all of it is there")
            assert ledger.gaps(living.robot) == []
