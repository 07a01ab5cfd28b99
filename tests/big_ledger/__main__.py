"""A filled ledger moved to a real PostgreSQL server, checked before and after: `python -m tests.big_ledger FOLDER [--gb N]`.

Prints each step with its seconds and MB/s, the peak memory of the mover, and what both hold. The server is of Debian's
package with its defaults (fsync on), made within FOLDER and gone at the end; so is everything else there, unless --keep.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from tests.big_ledger.filling import FORKED, HOLED, fill, what_is_in
from tests.robots.throw_away_postgres import ThrowAwayPostgres
from wachhund.keeping.keeper import Keeper
from wachhund.keeping.policy import Keep
from wachhund.ledger import Ledger
from wachhund.ledger.place import shown

_PROGRAM = Path(sys.executable).with_name("wachhund")
_EXPORTED = (0, FORKED, HOLED)  # numbers of robots
_ERASED_S = 600.0  # what arrived within so long after the first is erased before


def _run(*arguments: str) -> tuple[float, int, str]:
    """Seconds, peak memory in MiB of it, and what it said. Raises RuntimeError when it could not do it."""
    began = time.monotonic()
    with subprocess.Popen(
        [_PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1) or "wachhund: " in said:
        raise RuntimeError(f"{' '.join(arguments)}: {said[-2_000:]}")
    return time.monotonic() - began, usage.ru_maxrss // 1024, said


def _tell(what: str, **figures: Any) -> None:
    print(f"{what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)


def _bundles(data: Path, out: Path) -> dict[int, tuple[str, list[bytes]]]:
    """What `verify` says of the bundle of each exported robot, and the evidence in it."""
    out.mkdir()
    found = {}
    for number in _EXPORTED:
        bundle = out / f"{number}.zip"
        took, memory, _ = _run("export", "--robot", f"robot-{number:02}", "--out", str(bundle), "--data", str(data))
        checked, _, said = _run("verify", str(bundle))
        _tell(f"  bundle of robot-{number:02}", export_s=f"{took:.1f}", export_MiB=memory, verify_s=f"{checked:.1f}",
              MB=bundle.stat().st_size // 10**6)  # fmt: skip
        with zipfile.ZipFile(bundle) as opened:
            parts = [opened.read(name) for name in sorted(opened.namelist()) if name.startswith("evidence")]
        # The export itself is an act on record, and its time stands in the next bundle.
        found[number] = re.sub(r"\d{4}-\d\d-\d\d[ T][\d:.]+Z?", "T", said.replace(str(out), "")), parts
    return found


def main() -> int:
    """Fill, move, compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.big_ledger")
    parser.add_argument("folder", type=Path, help="on the disk that is measured; a user other than root must reach it")
    parser.add_argument("--gb", type=float, default=5.0, help="how large the file is to be, in 10**9 bytes")
    parser.add_argument("--keep", action="store_true", help="leave the ledger and the server's folder; says where")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    data, ledger = given.folder / "host", given.folder / "host" / "ledger.sqlite"
    if not ledger.exists() or ledger.stat().st_size < given.gb * 1e9:
        began, size = time.monotonic(), ledger.stat().st_size if ledger.exists() else 0
        fill(data, int(given.gb * 1e9))
        took = time.monotonic() - began
        _tell("filled", s=f"{took:.0f}", MB_s=f"{(ledger.stat().st_size - size) / took / 1e6:.1f}")
    opened = Ledger.open(ledger)
    began = time.monotonic()
    judged = opened.last_observation()
    opened.save_judgement(judged, [], [])
    opened.save_minds((judged, 0, 0, 0), "none", {})  # what no judge has by heart is not erased
    with opened.moment() as connection:
        first_t = connection.exec_driver_sql("SELECT min(received_t) FROM tokens WHERE id < 1000").scalar_one()
    round_ = Keeper(opened, Keep(seconds=time.time() - first_t - _ERASED_S)).round()
    _tell("erased what is oldest", s=f"{time.monotonic() - began:.0f}", tokens=round_.tokens)
    opened.close()
    file_bytes = ledger.stat().st_size
    _tell("in the file", bytes=file_bytes, **what_is_in(data))
    before = _bundles(data, given.folder / "before")
    took, memory, said_before = _run("verify", str(data))
    _tell("verify of the file", s=f"{took:.0f}", MB_s=f"{file_bytes / took / 1e6:.1f}", peak_MiB=memory)

    server = ThrowAwayPostgres(given.folder, durable=True)
    address = server.empty_database()
    took, memory, said = _run("ledger", "move", shown(address), "--data", str(data))
    print(said.rstrip())
    _tell("move", s=f"{took:.0f}", MB_s=f"{file_bytes / took / 1e6:.1f}", peak_MiB=memory)
    opened = Ledger.open(ledger)
    _tell("on the server", bytes=opened.keeping.room().file, of_the_file=f"{opened.keeping.room().file / file_bytes:.2f}",
          **what_is_in(data))  # fmt: skip
    opened.close()
    after = _bundles(data, given.folder / "after")
    took, memory, said_after = _run("verify", str(data))
    _tell("verify of the server", s=f"{took:.0f}", MB_s=f"{file_bytes / took / 1e6:.1f}", peak_MiB=memory)
    same = {number: after[number] == before[number] for number in _EXPORTED}
    _tell("as before", ledger=said_after == said_before, bundles=json.dumps(same),
          proven=said_after.count(": proven"), not_proven=said_after.count("not proven"))  # fmt: skip
    if given.keep:
        print(f"kept: {data}, server in {server.folder}, database {address.database}")
        import atexit

        atexit.unregister(server.end)
    else:
        server.end()
        shutil.rmtree(given.folder)
    _tell("this process", peak_MiB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    return 0 if said_after == said_before and all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
