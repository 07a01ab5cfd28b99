"""The agent's command line: finds the command, runs it, and turns our errors into one line and an exit status."""

import argparse
import os
import sys
from typing import List, Optional

from wachhund_agent import __version__, agent_run, doctor, enrol_command, identity, observe
from wachhund_evidence import MisuseError, WachhundError

EXIT_FAILED = 1
EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, for `main` and for the test that holds the documents against it."""
    parser = argparse.ArgumentParser(
        prog="wachhund-agent", description="Watches who is speaking to this robot, and signs what it saw."
    )
    parser.add_argument("--version", action="version", version="wachhund-agent " + __version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for command in (observe, agent_run, enrol_command, identity, doctor):
        command.add_parser(commands)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command. Returns its exit status: 0 well, 1 failed, 2 unusable input, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except MisuseError as error:
        print("wachhund-agent: {}".format(error), file=sys.stderr)
        return EXIT_UNUSABLE
    except WachhundError as error:
        print("wachhund-agent: {}".format(error), file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read our lines has gone: that is how a pipe ends, not a fault. What is still buffered has nowhere to
        # go; without this the interpreter tries once more at its end, and exits with 120.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
