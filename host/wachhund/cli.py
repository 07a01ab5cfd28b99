"""The host's command line: finds the command, runs it, and turns our errors into one line and an exit status."""

import argparse
import contextlib
import io
import os
import sys

from wachhund import __version__, backup, controllers, ledger_move, serve, web_command, worker_command
from wachhund.alerts import incidents_command as incidents
from wachhund.alerts import silence_command as silence
from wachhund.audit import command as verify
from wachhund.audit import export_command as export
from wachhund.authorise import command as authorise
from wachhund.baseline import command as baseline
from wachhund.cluster import command as cluster
from wachhund.cluster import node
from wachhund.demo import command as demo
from wachhund.explain import command as explain
from wachhund.flash import command as flash
from wachhund.fleet import commands as robots
from wachhund.fleet import host_key_commands as host_key
from wachhund.inspection import command as inspect
from wachhund.judge import command as judge
from wachhund.judge.wording import shown
from wachhund.keeping import erase, hold
from wachhund.notify import command as notify
from wachhund.people import command as people
from wachhund.reports import command as report
from wachhund.rulebook import hunt_command as hunt
from wachhund.rulebook import rules_command as rules
from wachhund.witness import command as witness
from wachhund_evidence import MisuseError, WachhundError

EXIT_FAILED = 1
EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130
MAX_ERROR_CHARS = 4_000  # of one line; most are 100


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, for `main` and for the test that holds the documents against it."""
    parser = argparse.ArgumentParser(
        prog="wachhund", description="Who is speaking to my robot? Verifies, remembers and judges what robots saw."
    )
    parser.add_argument("--version", action="version", version=f"wachhund {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    watching = (
        serve,
        cluster,
        node,
        worker_command,
        web_command,
        robots,
        flash,
        host_key,
        judge,
        hunt,
        rules,
        controllers,
    )
    deciding = (incidents, silence, authorise, baseline, explain)
    keeping = (verify, export, backup, ledger_move, hold, erase)
    for command in (*watching, *deciding, notify, inspect, report, witness, *keeping, people, demo):
        command.add_parser(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns its exit status: 0 well, 1 failed, 2 unusable input, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name of a robot, or of a file, that this terminal's encoding lacks is told by its code.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except MisuseError as error:
        _say(error)
        return EXIT_UNUSABLE
    except WachhundError as error:
        _say(error)
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read our lines has gone: that is how a pipe ends, not a fault.
        _drop_output()
        return 0
    except OSError as error:
        # Each room tells of its own files; what is left is commonly the output: a full disk.
        _drop_output()
        _say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _say(error: object) -> None:
    print(f"wachhund: {shown(str(error), MAX_ERROR_CHARS)}", file=sys.stderr)


def _drop_output() -> None:
    """What is still to be written goes nowhere, also when Python ends: it would fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
