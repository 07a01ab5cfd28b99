"""The faults of the run in one process: a table of what each is, how often it is drawn, and what it may leave behind.

`may`: kinds of faults in the evidence that an honest robot may get by it. An operator answers those; any other is a
false accusation.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.inner import disk_faults, host_faults, wire_faults
from tests.faults.inner.world import World

NOTHING: frozenset[str] = frozenset()
_LOST = frozenset({"dropped"})
_ANOTHER_CHAIN = frozenset({"journal-lost", "copied", "rollback", "dropped"})
_ROLLED_BACK = frozenset({"rollback", "copied", "fork", "two-signers", "broken-link", "dropped", "gap"})
_HOST_LOST = frozenset({"lost-by-host", "dropped", "gap"})


class FaultOf(NamedTuple):
    """`weight`: how often it is drawn beside others."""

    act: Callable[[World], None]
    may: frozenset[str] = NOTHING
    weight: int = 2

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", " ")


FAULTS = (
    FaultOf(disk_faults.clean_restart),
    FaultOf(disk_faults.killed, weight=3),
    FaultOf(disk_faults.power_cut, weight=6),
    FaultOf(disk_faults.power_cut_again_and_again),
    FaultOf(disk_faults.disk_full, _LOST),
    FaultOf(disk_faults.disk_short, _LOST),
    FaultOf(disk_faults.disk_read_only),
    FaultOf(disk_faults.segment_unreadable, _LOST),
    FaultOf(disk_faults.pages_damaged_while_off, _ANOTHER_CHAIN, weight=3),
    FaultOf(disk_faults.pages_damaged_while_running, _ANOTHER_CHAIN),
    FaultOf(disk_faults.tail_torn, _ANOTHER_CHAIN),
    FaultOf(disk_faults.journal_deleted, _ANOTHER_CHAIN),
    FaultOf(disk_faults.journal_deleted_while_running, _ANOTHER_CHAIN),
    FaultOf(disk_faults.journal_rolled_back, _ROLLED_BACK),
    FaultOf(wire_faults.messages_lost),
    FaultOf(wire_faults.messages_doubled),
    FaultOf(wire_faults.messages_out_of_order),
    FaultOf(wire_faults.messages_late),
    FaultOf(wire_faults.messages_spoilt),
    FaultOf(wire_faults.everything_at_once, weight=3),
    FaultOf(wire_faults.cut, weight=3),
    FaultOf(wire_faults.cut_for_long, _LOST, weight=1),
    FaultOf(wire_faults.connections_come_and_go),
    FaultOf(wire_faults.broker_restarts),
    FaultOf(wire_faults.old_receipts_played_again),
    FaultOf(wire_faults.old_evidence_played_again),
    FaultOf(wire_faults.tokens_forged),
    FaultOf(wire_faults.receipts_forged),
    FaultOf(host_faults.host_restarts),
    FaultOf(host_faults.host_killed, weight=3),
    FaultOf(host_faults.host_killed_in_a_commit, weight=3),
    FaultOf(host_faults.host_restored_from_a_backup, _HOST_LOST),
    FaultOf(host_faults.ledger_disk_full),
    FaultOf(host_faults.ledger_disk_read_only),
    FaultOf(host_faults.robots_clock_steps),
    FaultOf(host_faults.hosts_clock_steps_forward),
    FaultOf(host_faults.hosts_clock_steps_back),
)
BY_NAME = {fault.name: fault for fault in FAULTS}
