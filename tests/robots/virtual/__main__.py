"""`make robot`: a whole arm64 machine, made once, started, and left to whoever wants to try something on it.
`make test-robot` (--walk): the life of a robot on it, from its first audit to its card's first start, step by step.
"""

import argparse
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.robots.virtual import image, machine, recipe, walk
from tests.robots.virtual.cloud import Cloud
from tests.robots.virtual.outside import Outside
from tests.robots.virtual.state import Walk
from tests.robots.virtual.stopwatch import Step
from tests.robots.virtual.stopwatch import walk as take

EXIT_RED, EXIT_UNUSABLE, EXIT_INTERRUPTED = 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 well, 1 a step is not as it must be, 2 no such machine here, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="make robot", description="A whole arm64 machine in QEMU, without KVM.")
    parser.add_argument("--walk", action="store_true", help="take a robot through its life: see CONTRIBUTING.md")
    parser.add_argument("--build-only", action="store_true", help="make the image, and start nothing")
    parser.add_argument("--mirror", metavar="URL", help="of Debian's archive (default: this machine's own)")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that everything is ended
    try:
        with ExitStack() as stack:
            return _run(arguments, stack)
    except (image.NotMade, machine.NotBooted) as error:
        print(f"robot: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace, stack: ExitStack) -> int:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wachhund-robot-", dir="/var/tmp")))
    (folder / "outside").mkdir()
    made: list[image.Image] = []
    started: list[machine.VirtualRobot] = []

    def make(_: None) -> str:
        made.append(image.kept(arguments.mirror))
        return f"{recipe.SUITE}, {recipe.ARCHITECTURE}: {made[0].folder}"

    def boot(_: None) -> str:
        started.append(stack.enter_context(machine.VirtualRobot(made[0], folder / "robot")))
        return "somebody may log in"

    failed = take([Step("image", make)] if arguments.build_only else [Step("image", make), Step("boot", boot)], None)
    if failed is None and arguments.walk:
        host = stack.enter_context(Outside(folder / "outside"))
        cloud = stack.enter_context(Cloud(folder))
        failed = take(walk.STEPS, Walk(started[0], host, cloud, folder))
    elif failed is None and started:
        print(
            f"\n    {shlex.join(started[0].ssh())}\n\n{machine.HOST} is this machine's loopback there. Ctrl-C ends it."
        )
        sys.stdout.flush()
        started[0].wait()
    if failed is not None:
        print(f"robot: {failed}: not as it must be", file=sys.stderr)
        return EXIT_RED
    return 0


if __name__ == "__main__":
    sys.exit(main())
