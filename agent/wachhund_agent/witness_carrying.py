"""What the attester does for a witness: beats, and carries its statements. It reads none."""

from typing import Optional

from wachhund_agent.attester import Attester, note
from wachhund_agent.config import Limits
from wachhund_agent.witness_wire import WitnessWire
from wachhund_evidence import Observation

_SLACK_S = 1.0  # a statement may come a turn earlier than the one before it came


class WitnessCarrier:
    """Called at each turn of the attester, in its thread."""

    def __init__(self, wire: WitnessWire, limits: Limits) -> None:
        self._wire, self._limits = wire, limits
        self._next = float("-inf")
        self._speaks: Optional[bool] = None

    def turn(self, now: float, head: str, on_modem: bool, attester: Attester) -> Optional[Observation]:
        """Beat with the newest token's hash; give the attester a statement that came. Returns what is to be told."""
        self._wire.beat(head)
        if now >= self._next:
            statement = self._wire.take()
            if statement is not None:
                every_s = self._limits.witness_modem_s if on_modem else self._limits.witness_every_s
                self._next = now + every_s - _SLACK_S
                attester.carry(statement)
        trouble = self._wire.trouble
        if (trouble is None) == self._speaks:
            return None
        self._speaks = trouble is None
        return note("config.state", {"name": "witness", "value": self._speaks, "what": trouble}, now)

    def confirm(self, token: str) -> None:
        """The host's word to it, whole."""
        self._wire.confirm(token)
