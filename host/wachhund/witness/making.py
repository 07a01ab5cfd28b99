"""A board's folder: the firmware as it lies in this package, and a key that only the board and this host have."""

import json
import shutil
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from wachhund.fleet.data_folder import make_private_folder, write_secret_file
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger
from wachhund.ledger.witness_records import Witness
from wachhund.witness.secrets import WitnessSecrets
from wachhund_evidence import MisuseError, base64url, make_nonce, witness_kid

BOARDS = {"pico_w": "Raspberry Pi Pico W or Pico", "esp32": "ESP32 DevKitC and its like"}


@dataclass(frozen=True)
class Made:
    """A witness that was made. `folder`: what goes onto the board."""

    witness: Witness
    folder: Path


def _firmware() -> Path:
    found = Path(str(resources.files("wachhund.witness").joinpath("firmware")))
    if not (found / "main.py").is_file():
        raise MisuseError("witness: the firmware is not in this installation: install wachhund anew")
    return found


def make(
    ledger: Ledger, secrets: WitnessSecrets, keys: HostKeys, board: str, robot: str, out: Path, by: str, why: str,
    rotates: bool,
) -> Made:  # fmt: skip
    """Make it and register it for a robot (id or name). Raises MisuseError, and registers nothing then."""
    owner = ledger.robot(robot)
    if not rotates and any(one.ended_t is None for one in ledger.witnesses.of_robot(owner.id)):
        raise MisuseError(f"witness: {owner.name} has one already: say --rotate to put this one in its place")
    if out.exists():
        raise MisuseError(f"--out: {out}: is there already and is not overwritten: give another name")
    firmware, now = _firmware(), time.time()
    secret = secrets.make()
    # RFC 9711, 4.2.1: a UEID of type RAND. It says nothing about the chip: the board tells its own id beside it.
    ueid = base64url.encode(b"\x01" + secrets.make())
    witness = Witness(witness_kid(secret), owner.id, ueid, board, now, by)
    make_private_folder(out)
    try:
        _fill(out, firmware, board, secret, ueid, make_nonce(keys.nonce_secret, ueid, int(now * 1_000_000)))
        secrets.keep(witness.kid, secret)
        if rotates:
            ledger.witnesses.rotate(witness, why)
        else:
            ledger.witnesses.register(witness)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    ledger.note_act(
        owner.id, "witness", by, f"{'rotated' if rotates else 'made'} on a {board}{': ' + why if why else ''}"
    )
    return Made(witness, out)


def _fill(out: Path, firmware: Path, board: str, secret: bytes, ueid: str, nonce: str) -> None:
    settings = json.dumps({"secret": secret.hex(), "ueid": ueid, "nonce": nonce})
    write_secret_file(out / "witness.json", settings.encode("ascii"))
    (out / "witness").mkdir()
    for source in sorted((firmware / "witness").glob("*.py")):
        shutil.copyfile(source, out / "witness" / source.name)
    shutil.copyfile(firmware / "boards" / f"{board}.py", out / "board.py")
    shutil.copyfile(firmware / "main.py", out / "main.py")
