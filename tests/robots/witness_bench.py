"""A robot with a hardware witness, and its host, in one thread: the firmware itself, in simulated time.

A test decides what the agent carries, what the wire loses, and what root on the robot does.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from witness.counters import Counters
from witness.lines import ACTIVITY, LEVEL, Edges, Line
from witness.output import Output
from witness.statement import key_from
from witness.witness import Witness as Firmware

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.intake.taking import Intake
from wachhund.witness.desk import WitnessDesk
from wachhund.witness.findings import WitnessLimits
from wachhund.witness.making import make
from wachhund.witness.secrets import WitnessSecrets
from wachhund_evidence import LineReader, frame, read_receipt, token_hash

START_T = 1_800_000_000.0
TURN_S = 1.0
LINES = (("pi-power", LEVEL), ("motor-power", LEVEL), ("modem", ACTIVITY), ("tamper", LEVEL), ("armed", LEVEL))


class Board:
    """The microcontroller: its firmware, its flash (a folder), its lines."""

    def __init__(self, settings: dict[str, str], flash: Path, chip: str = "c0ffee") -> None:
        self._settings, self._flash, self._chip = settings, flash, chip
        flash.mkdir(exist_ok=True)
        self.levels = {name: 0 for name, _ in LINES}
        self.levels["pi-power"] = 1
        self.relay = 0
        self.start(0.0)

    def _reader(self, name: str) -> Any:
        return lambda: self.levels[name]

    def _set_relay(self, cut: int) -> None:
        self.relay = cut

    def start(self, now: float) -> None:
        """Power on, or a reset."""
        self._booted = now
        self.edges = {name: Edges() for name, _ in LINES}
        lines = [Line(name, manner, self._reader(name), self.edges[name]) for name, manner in LINES]
        counters = Counters(str(self._flash), len(lines) + 1)
        self.firmware = Firmware(
            key_from(self._settings), self._chip, "power", lines, counters, Output(self._set_relay)
        )  # fmt: skip

    def set(self, name: str, level: int) -> None:
        """A line changes."""
        if self.levels[name] != level:
            self.levels[name] = level
            self.edges[name].on_edge(None)

    def turn(self, now: float, heard: bytes = b"") -> bytes:
        """A turn of its loop; returns what it sends."""
        up_ms = int((now - self._booted) * 1000)
        if heard:
            self.firmware.hear(heard, up_ms)
        return self.firmware.turn(up_ms) or b""


class WitnessBench(HostBench):
    """`now` moves by `live`. `agent_is_heard`: its beats reach the board. `carries`: its statements reach the host."""

    def __init__(
        self, folder: Path, limits: WitnessLimits | None = None, board: Callable[[dict[str, str], Path], Any] = Board
    ) -> None:
        """`board`: what runs the firmware; micropython_board.py has another."""
        super().__init__(folder / "data")
        secrets = WitnessSecrets(self.data)
        self.now = START_T
        self.robot = ScriptedRobot(clock=lambda: self.now)
        self.row = self.add("rex", self.robot)
        made = make(self.ledger, secrets, self.keys, "pico_w", "rex", folder / "board", "a test", "", False)
        self.witness = made.witness
        self.settings = json.loads((made.folder / "witness.json").read_text())
        self.board = board(self.settings, folder / "flash")
        self.desk = WitnessDesk(self.ledger, secrets, self.keys.nonce_secret, self.intake.rejections.count, limits)
        self.intake = Intake(self.ledger, self.roster, self.keys, self.intake.rejections, witnesses=self.desk)
        self.robot.nonce = self.nonce(self.robot, self.now)
        self.to_board = b""
        self.statements: list[str] = []
        self._reader = LineReader()
        self._unsent: str | None = None
        self.agent_is_heard = self.carries = self.sends = self.relays = True
        self.confirms: list[str] = []
        self.board.start(self.now)

    def live(self, seconds: float) -> None:
        """Everything goes on for so long: beats each 5 s, evidence each 10 s, receipts."""
        for _ in range(int(seconds / TURN_S)):
            self.now += TURN_S
            self._turn()

    def _turn(self) -> None:
        heard, self.to_board = self.to_board, b""
        second = int(self.now - START_T)
        if second % 5 == 0 and self.agent_is_heard and self.robot.made:
            heard += frame("B " + token_hash(self.robot.made[self.robot.seq]))
        for text in self._reader.feed(self.board.turn(self.now, heard)):
            self.statements.append(text)
            self._unsent = text
        if second % 10 == 0 and self.sends:
            self.send(self._unsent if self.carries else None)
            self._unsent = None
        self.desk.look(self.now)

    def send(self, statement: str | None) -> None:
        """One token of the agent with this statement in it, and its receipt."""
        beat = self.robot.saw("heartbeat", uptime_s=self.now - START_T)
        self.take(self.row, self.robot.token(beat, witness=statement), t=self.now)
        for _, message in self.intake.due_receipts(self.now, self.now):
            host_keys = {self.keys.kid: self.keys.key.public_key()}
            receipt = read_receipt(message.decode("ascii"), host_keys, self.robot.ueid)
            self.robot.nonce = receipt.nonce
            if receipt.confirm is not None:
                self.confirms.append(receipt.confirm)
                if self.relays:
                    self.to_board += frame("R " + receipt.confirm)

    def found(self) -> list[str]:
        """The words of what was found, in its order."""
        return [fault.what for fault in self.ledger.unread((0, 0, 0), 1000).faults]

    def told(self) -> str:
        """What was found, in sentences."""
        return " ".join(fault.detail for fault in self.ledger.unread((0, 0, 0), 1000).faults)

    @property
    def stand(self) -> Any:
        """What the host knows of the witness."""
        return self.ledger.witnesses.stand(self.witness.kid)
