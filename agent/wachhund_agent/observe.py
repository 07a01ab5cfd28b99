"""`wachhund-agent observe`: what this machine's senses see, as JSON lines; no host, key or broker needed."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any, List, Optional

from wachhund_agent import own_words
from wachhund_agent.kernel import clock
from wachhund_agent.profile import choose, names
from wachhund_agent.run_mark import RunMark, only_agent
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
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FOLDER",
        help="remember here how a run ended, and which files were there (default: nothing is remembered)",
    )
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
    """Print until the time is over, or somebody interrupts. Raises MisuseError."""
    if arguments.state is None:
        return _observe(arguments, None)
    lock = only_agent(arguments.state)
    try:
        return _observe(arguments, RunMark(arguments.state))
    finally:
        os.close(lock)


def _observe(arguments: argparse.Namespace, mark: Optional[RunMark]) -> int:
    stopped: List[int] = []

    def stop(number: int, _: Any) -> None:
        stopped.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    reason = own_words.NO_MEMORY if mark is None else own_words.how_it_ended(mark.first, mark.was_clean)
    code, clean = own_words.code_hash(Path(__file__).parent), None if mark is None else mark.was_clean
    setup = Setup(choose(arguments.profile), state=arguments.state)
    try:
        _print([own_words.start_note(code, reason, clean, clock.mono())])
        Sensing(_print, setup=setup).run(lambda: bool(stopped), arguments.seconds)
        _print([own_words.stop_note(own_words.ASKED if stopped else own_words.OVER, clock.mono())])
    except BrokenPipeError:  # whoever read our lines has gone: an end like any other
        _remember(mark)
        raise
    _remember(mark)
    return 0


def _remember(mark: Optional[RunMark]) -> None:
    if mark is not None:
        mark.stop()
