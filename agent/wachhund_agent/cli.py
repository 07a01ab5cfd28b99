"""The agent's command line: finds the command, runs it, and turns our errors into one line and an exit status."""

import argparse
import contextlib
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
        status = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()  # what is wrong with it would else be Python's to tell at its end, with status 120
        return status
    except MisuseError as error:
        print("wachhund-agent: {}".format(error), file=sys.stderr)
        return EXIT_UNUSABLE
    except WachhundError as error:
        print("wachhund-agent: {}".format(error), file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read our lines has gone: that is how a pipe ends, not a fault.
        _drop_output()
        return 0
    except OSError as error:
        # Each room tells of its own files; what is left is commonly the output: a full disk.
        _drop_output()
        print(
            "wachhund-agent: {}: {}".format(error.filename or "standard output", error.strerror or error),
            file=sys.stderr,
        )
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _drop_output() -> None:
    """What is still to be written goes nowhere, also when Python ends: it would fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
