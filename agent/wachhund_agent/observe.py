"""`wachhund-agent observe`: what this machine's senses see, as JSON lines; no host, key or broker needed."""

import argparse
import signal
import sys
from typing import Any, List

from wachhund_agent.profile import choose, names
from wachhund_agent.senses import Setup
from wachhund_agent.sensing import Sensing
from wachhund_evidence import Observation, observation_to_line


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "observe",
        help="print what this machine's senses see, as JSON lines",
        description="Print observations as JSON lines on standard output. Needs no host, key or broker. "
        "As root it uses kernel events; otherwise it looks once a second, and says so.",
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after N seconds (default: until interrupted)")
    add_profile_option(parser)
    parser.set_defaults(run=run)


def add_profile_option(parser: argparse.ArgumentParser) -> None:
    """`--profile`, for the commands that take no configuration."""
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="the robot model: {}, or a file (default: detected)".format(", ".join(names())),
    )


def _print(observations: List[Observation]) -> None:
    sys.stdout.write("".join(observation_to_line(observation) + "\n" for observation in observations))
    sys.stdout.flush()


def run(arguments: argparse.Namespace) -> int:
    """Print until the time is over, or somebody interrupts."""
    stopped: List[int] = []

    def stop(number: int, _: Any) -> None:
        stopped.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    Sensing(_print, setup=Setup(choose(arguments.profile))).run(lambda: bool(stopped), arguments.seconds)
    return 0
