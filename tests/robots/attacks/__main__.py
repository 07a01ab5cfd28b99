"""`python -m tests.robots.attacks`: act the scenes out, or judge their recordings, and print the confusion table."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.robots.attacks import catalogue
from tests.robots.attacks.results import acted, acted_side_by_side, of_recording
from tests.robots.attacks.scene import Scene
from tests.robots.attacks.table import Result, closing, heading, row

DEFAULT_SEED = 1
MOST_JOBS = 16
EXIT_RED, EXIT_INTERRUPTED = 1, 130
# What scenes run beside what a Go1 itself needs.
PROGRAMS = ("socat", "autossh", "sshuttle", "stunnel", "openvpn", "wireguard-go", "nebula", "nebula-cert", "edge",
            "supernode", "iodine", "iodined", "hts", "htc", "ptunnel", "tor", "tmate", "tincd", "Xvnc", "vncconfig",
            "rosmaster", "nft", "curl", "rsync", "perl", "openssl", "dpkg-deb")  # fmt: skip


def missing() -> list[str]:
    """The programs that this machine lacks."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def _results(scenes: tuple[Scene, ...], args: argparse.Namespace) -> Iterator[Result]:
    if args.recorded:
        return map(of_recording, scenes)
    if args.jobs > 1:
        return acted_side_by_side(scenes, args.seed, args.keep, args.unexpected, args.jobs)
    return (acted(scene, args.seed, args.keep, args.unexpected) for scene in scenes)


def main() -> int:
    """Exit status: 0 when every scene led to what it must, 1 when one did not, 2 when nothing could be acted."""
    parser = argparse.ArgumentParser(prog="python -m tests.robots.attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="what chance decides (default 1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="scenes whose names begin so")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="scenes acted side by side (default 1)")
    parser.add_argument("--recorded", action="store_true", help="judge the recordings, act nothing; needs no root")
    parser.add_argument("--keep", action="store_true", help="keep what the agent tells as the scenes' recordings")
    parser.add_argument("--unexpected", type=Path, metavar="DIR",
                        help="where to put what the agent told of scenes that came out wrong")  # fmt: skip
    args = parser.parse_args()
    try:
        scenes = catalogue.named(args.only)
    except ValueError as error:
        parser.error(str(error))
    if not 1 <= args.jobs <= MOST_JOBS:
        parser.error(f"--jobs: 1 to {MOST_JOBS}, not {args.jobs}")
    if not args.recorded and os.geteuid() != 0:
        parser.error("acting needs root, for network namespaces; --recorded judges what is kept")
    if not args.recorded and (lacking := missing()):
        parser.error(f"needs {', '.join(lacking)}: install them as .ci/run does")
    results: list[Result] = []
    print(heading())
    try:
        for result in _results(scenes, args):
            results.append(result)
            print(row(result), flush=True)
    except KeyboardInterrupt:
        print(closing(results))
        return EXIT_INTERRUPTED
    print(closing(results))
    return 0 if all(result.ok for result in results) else EXIT_RED


if __name__ == "__main__":
    sys.exit(main())
