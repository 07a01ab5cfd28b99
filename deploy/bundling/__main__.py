"""`make bundle`: dist/*.run and dist/SHA256SUMS. `make wheels`: dist/wheels/*.whl and its SHA256SUMS."""

import argparse
import hashlib
import sys
from pathlib import Path

from deploy.bundling.bundles import MACHINES, Maker
from deploy.bundling.sealing import KEY_VARIABLE, release_key
from deploy.bundling.source import ROOT, NotBuilt
from deploy.bundling.wheels import NotFetched

SUMS = "SHA256SUMS"


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 made, 2 not."""
    parser = argparse.ArgumentParser(prog="make bundle", description="Make the bundles.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="where they go (default dist)")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help=f"the release key (Ed25519, PEM); also by {KEY_VARIABLE}"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / "build" / "wheels",
        metavar="DIR",
        help="fetched wheels (default build/wheels)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--agent-only", action="store_true", help="no bundle for the operators' machine")
    which.add_argument("--wheels", action="store_true", help="instead: the host's wheels, for pipx on a server")
    arguments = parser.parse_args(argv)
    try:
        key = release_key(arguments.key)
        maker = Maker(arguments.cache, key)
        if arguments.wheels:
            wanted = {wheel.name: wheel.data for wheel in maker.host_wheels()}
            for other in (arguments.out / "wheels").glob("*.whl"):
                if other.name not in wanted:
                    other.unlink()  # of another version: pip would take whichever is newer
            _write(arguments.out / "wheels", wanted)
            return 0
        made = dict(maker.agent(machine) for machine in MACHINES)
        if not arguments.agent_only:
            made.update([maker.host(made)])
    except (NotBuilt, NotFetched) as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 2
    _write(arguments.out, made, mode=0o755)
    print(f"commit {maker.commit}; " + ("signed" if key is not None else "UNSIGNED: a development build"))
    return 0


def _write(folder: Path, made: dict[str, bytes], mode: int = 0o644) -> None:
    """Each of them whole or not there, and the list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, data in sorted(made.items()):
        new = folder / f"{name}.new"
        new.write_bytes(data)
        new.chmod(mode)
        new.rename(folder / name)
        lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
        print(f"{folder / name}: {len(data):,} bytes")
    (folder / SUMS).write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
