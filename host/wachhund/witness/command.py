"""`wachhund witness`: a microcontroller that watches a robot from outside: make, flash, look, try, retire."""

import argparse
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.fleet.commands import who
from wachhund_evidence import MisuseError, StatementClaims

if TYPE_CHECKING:
    from wachhund.fleet.data_folder import DataFolder

_NOT_ALL_WELL = 1
_BOARDS = ("pico_w", "esp32")


def add_parser(subparsers: Any) -> None:
    """Add `witness` to the command line."""
    parser = subparsers.add_parser("witness", help="a microcontroller that watches a robot's board from outside")
    commands = parser.add_subparsers(dest="witness_command", metavar="COMMAND", required=True)
    made = commands.add_parser(
        "make", help="make a witness's key and firmware, and register it for a robot",
        description="Writes a folder that goes onto the board (`wachhund witness flash`). It holds the key: delete it "
        "then.",
    )  # fmt: skip
    made.add_argument("board", metavar="BOARD", choices=_BOARDS, help="pico_w or esp32")
    made.add_argument("--robot", metavar="ROBOT", required=True, help="whose board it will watch: name or id")
    made.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="a folder that does not exist yet")
    made.add_argument("--rotate", action="store_true", help="in the place of the robot's present witness, which ends")
    made.add_argument("--why", metavar="TEXT", default="", help="kept with who did it and when")
    made.set_defaults(run=run_make)
    retired = commands.add_parser("retire", help="take a robot's witness out of service")
    retired.add_argument("robot", metavar="ROBOT", help="its name or id")
    retired.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    retired.set_defaults(run=run_retire)
    shown = commands.add_parser("show", help="a robot's witnesses, and what the present one last said")
    shown.add_argument("robot", metavar="ROBOT", help="its name or id")
    shown.set_defaults(run=run_show)
    flashed = commands.add_parser(
        "flash", help="copy a witness's folder onto a board on this machine's USB",
        description="The board has MicroPython already (micropython.org/download). Uses mpremote.",
    )  # fmt: skip
    flashed.add_argument("port", metavar="PORT", help="the board's own USB port, as /dev/ttyACM0")
    flashed.add_argument("--folder", metavar="FOLDER", type=Path, required=True, help="what `witness make` wrote")
    flashed.set_defaults(run=run_flash)
    for name, what, run in (
        ("watch", "show what a witness says, live, while you wire it", run_watch),
        ("test", "try a witness before it is mounted: statement, beat, confirmation", run_test),
    ):
        listened = commands.add_parser(name, help=what)
        listened.add_argument("port", metavar="PORT", help="a serial adapter at the witness's wire, as /dev/ttyUSB0")
        listened.add_argument("--robot", metavar="ROBOT", required=True, help="whose witness it is: name or id")
        listened.set_defaults(run=run)
    for name, command in commands.choices.items():
        if name != "flash":
            command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _data(args: argparse.Namespace) -> "DataFolder":
    from wachhund.fleet.data_folder import DataFolder, default_data_folder

    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(f"witness: {data.path} holds no ledger: give the host's --data folder")
    return data


def run_make(args: argparse.Namespace) -> int:
    """Make a witness's folder and register it."""
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger
    from wachhund.witness.making import make
    from wachhund.witness.secrets import WitnessSecrets

    data = _data(args)
    with closing(Ledger.open(data.ledger)) as ledger:
        made = make(
            ledger, WitnessSecrets(data), HostKeys.load_or_create(data), args.board, args.robot, args.out, who(),
            args.why, args.rotate,
        )  # fmt: skip
    print(f"{made.folder}: firmware and key of witness {made.witness.kid[:8]} for {args.robot}")
    print(f"next: wachhund witness flash PORT --folder {made.folder}; then delete the folder: it holds the key")
    return 0


def run_retire(args: argparse.Namespace) -> int:
    """End a robot's witness."""
    from wachhund.ledger import Ledger

    with closing(Ledger.open(_data(args).ledger)) as ledger:
        robot = ledger.robot(args.robot)
        ended = ledger.witnesses.retire(robot.id, time.time(), who(), args.why)
        ledger.note_act(robot.id, "witness", who(), f"retired: {args.why}")
    print(f"{robot.name}: witness {ended.kid[:8]} is retired: nothing of it is taken any more")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print a robot's witnesses."""
    from wachhund.keeping.moments import shown
    from wachhund.ledger import Ledger

    with closing(Ledger.open(_data(args).ledger)) as ledger:
        robot = ledger.robot(args.robot)
        for witness in ledger.witnesses.of_robot(robot.id):
            until = (
                ""
                if witness.ended_t is None
                else f", ended {shown(witness.ended_t)} by {witness.ended_by}: {witness.why}"
            )
            print(f"{witness.kid[:8]} {witness.board} made {shown(witness.made_t)} by {witness.made_by}{until}")
            stand = ledger.witnesses.stand(witness.kid)
            if stand is not None:
                lines = ", ".join(
                    f"{name} {state} ({edges} edges)" for name, (state, edges) in sorted(stand.lines.items())
                )
                print(f"  last {shown(stand.received_t)}: start {stand.bootcount}, statement {stand.n}; {lines}")
    return 0


def run_flash(args: argparse.Namespace) -> int:
    """Copy a folder onto a board."""
    from wachhund.witness.flashing import flash

    flash(args.port, args.folder)
    print(f"{args.port}: the witness runs; delete {args.folder}: it holds the key")
    return 0


def _key(args: argparse.Namespace) -> tuple[bytes, str, bytes]:
    """Secret and ueid of the robot's present witness, and the host's secret for nonces."""
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger
    from wachhund.witness.secrets import WitnessSecrets

    data = _data(args)
    with closing(Ledger.open(data.ledger)) as ledger:
        robot = ledger.robot(args.robot)
        witness = next((one for one in ledger.witnesses.of_robot(robot.id) if one.ended_t is None), None)
    secret = None if witness is None else WitnessSecrets(data).of(witness.kid)
    if witness is None or secret is None:
        raise MisuseError(f"witness: {args.robot} has none whose key is here: make one with `wachhund witness make`")
    return secret, witness.ueid, HostKeys.load_or_create(data).nonce_secret


def run_watch(args: argparse.Namespace) -> int:
    """Print statements until Ctrl-C."""
    from wachhund.witness import listening

    secret, ueid, _ = _key(args)
    with closing(listening.open_port(args.port)) as port:
        for said in listening.statements(port, secret, ueid, lambda: False):
            print(listening.line_of(said) if isinstance(said, StatementClaims) else said, flush=True)
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Try a board. Returns 1 when something is not as it must be."""
    from wachhund.witness import listening

    well = True
    with closing(listening.open_port(args.port)) as port:
        for what, passed in listening.check(port, *_key(args)):
            print(f"{'yes' if passed else 'NO '} {what}", flush=True)
            well = well and passed
    return 0 if well else _NOT_ALL_WELL
