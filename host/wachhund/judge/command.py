"""`wachhund judge FILE...|-`: observations as JSON lines in, the incidents they lead to as JSON lines out."""

import argparse
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from wachhund_evidence import MisuseError, RejectedEvidence, observation_from_line

if TYPE_CHECKING:
    from wachhund.judge.engine import Judge
    from wachhund.ledger import AuthorisationAct

Given = TypeVar("Given")

EXIT_GRAVE = 3
EXIT_UNUSABLE = 2
MAX_LINE_BYTES = 256 * 1024  # as large as a whole message of a robot may be
READ_BYTES = 64 * 1024
GRAVE = ("high", "critical")


def add_parser(subparsers: Any) -> None:
    """Add the command to the host's command line."""
    parser = subparsers.add_parser(
        "judge",
        help="judge observations given as JSON lines, without host, broker or robot",
        description="Reads observations as JSON lines (as `wachhund-agent observe` prints them) and prints the "
        "incidents they lead to as JSON lines. Exit status: 0 none of level high or above, 3 some, 2 a line was "
        "unusable and none was high.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file of JSON lines; - is standard input")
    parser.add_argument(
        "--rules", action="append", type=Path, default=[], metavar="DIR",
        help="more Sigma rules, every *.yml below DIR (may be given again)",
    )  # fmt: skip
    parser.add_argument(
        "--allowed", type=Path, metavar="FILE",
        help="authorisations, as `wachhund authorise list --all --json` prints them; for whatever robot the lines are",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE",
        help="what is usual, as `wachhund baseline show ROBOT --accepted --json` prints it: it counts from the first "
        "line on, whenever it was accepted",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge the files one after the other, as one robot's facts. Returns the exit status."""
    from wachhund.judge.engine import Judge
    from wachhund.judge.given import acts_in
    from wachhund.judge.given_usual import usual_in
    from wachhund.judge.rule_loading import BUILT_IN, load_rules

    acts = [] if args.allowed is None else _given("--allowed", args.allowed, acts_in)
    usual = None if args.baseline is None else _given("--baseline", args.baseline, usual_in)
    pack = load_rules((BUILT_IN, *args.rules))
    judge = Judge(pack.rules)
    if usual is not None:
        judge.accept(None, usual, float("-inf"))
    for refused in (*pack.refused, *judge.unusable_rules):
        print(f"wachhund: rule not in use: {refused.source}: {refused.reason}", file=sys.stderr)
    sources = [_opened(name) for name in args.files]
    bench = _Bench(judge, acts)
    # A shell's background job starts with SIGINT ignored; here it means: print what there is.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for name, stream in sources:
            bench.judge_stream(name, stream)
    except KeyboardInterrupt:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    finally:
        signal.signal(signal.SIGINT, before)
        for _, stream in sources:
            if stream is not sys.stdin.buffer:
                stream.close()
    return bench.report()


def _opened(name: str) -> tuple[str, BinaryIO]:
    if name == "-":
        return "standard input", sys.stdin.buffer
    try:
        return name, Path(name).open("rb")
    except OSError as error:
        raise MisuseError(f"{name!r}: cannot be read: {error.strerror}: give a file of JSON lines, or -") from None


def _given(option: str, path: Path, read: Callable[[Path], Given]) -> Given:
    from wachhund.judge.given import NotGiven

    try:
        return read(path)
    except OSError as error:
        raise MisuseError(f"{option}: {path}: cannot be read: {error.strerror}") from None
    except NotGiven as error:
        raise MisuseError(f"{option}: {path}: {error}") from None


class _Bench:
    """Feeds lines to the judge, each authorisation before the first line of its time, and holds the newest form of each
    incident."""

    def __init__(self, judge: "Judge", acts: "Sequence[AuthorisationAct]" = ()) -> None:
        self._judge = judge
        self._acts = deque(acts)
        self._incidents: dict[str, dict[str, Any]] = {}
        self._unusable = 0
        self._line = 0

    def judge_stream(self, name: str, stream: BinaryIO) -> None:
        """Judge a stream to its end. Raises KeyboardInterrupt between two batches, never within one."""
        for lines in _batches(stream):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            self._judge_lines(name, lines)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _judge_lines(self, name: str, lines: list[bytes | None]) -> None:
        from wachhund.judge.fact import Fact, LineRef

        facts: list[Fact | AuthorisationAct] = []
        for line in lines:
            self._line += 1
            if line is None:
                self._refuse(name, self._line, f"longer than {MAX_LINE_BYTES} bytes")
            elif line.strip():
                try:
                    observation = observation_from_line(line)
                except RejectedEvidence as error:
                    self._refuse(name, self._line, str(error))
                else:
                    while self._acts and self._acts[0].t <= observation.t:
                        facts.append(self._acts.popleft())
                    facts.append(Fact(None, observation.t, None, LineRef(self._line), observation))
        judgement = self._judge.feed(facts)
        for ref, reason in judgement.unreadable:
            self._refuse(name, ref[0], reason)
        self._incidents.update((incident["id"], incident) for incident in judgement.incidents)

    def _refuse(self, name: str, line: int | str, reason: str) -> None:
        from wachhund.judge.wording import shown

        self._unusable += 1
        print(f"wachhund: {shown(name)}: line {line}: {shown(reason)}; left out", file=sys.stderr)

    def report(self) -> int:
        """Print the incidents, oldest first, and return the exit status."""
        import json

        from wachhund.judge.incident import ALLOWED

        judgement = self._judge.finish()
        self._incidents.update((incident["id"], incident) for incident in judgement.incidents)
        parts = [name for name, incident in self._incidents.items() if incident["joined"] is not None]
        for name in parts:
            del self._incidents[name]  # the incident that it is a part of tells its story
        for incident in sorted(self._incidents.values(), key=lambda one: (one["first_t"], one["id"])):
            print(json.dumps(incident, ensure_ascii=True, separators=(",", ":")))
        sys.stdout.flush()
        left = [one for one in self._incidents.values() if one["close_reason"] != ALLOWED]
        if any(incident["level"] in GRAVE for incident in left):
            return EXIT_GRAVE
        return EXIT_UNUSABLE if self._unusable else 0


def _batches(stream: BinaryIO) -> Iterator[list[bytes | None]]:
    """Lines as they come, as many as are there; None for one that is too long to be held."""
    rest, skipping = b"", False
    read = getattr(stream, "read1", stream.read)
    while True:
        chunk = read(READ_BYTES)
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        lines: list[bytes | None] = [line if len(line) <= MAX_LINE_BYTES else None for line in whole]
        if skipping and lines:
            lines[0], skipping = None, False
        if len(rest) > MAX_LINE_BYTES:
            rest, skipping = b"", True
        if lines:
            yield lines
    if skipping:
        yield [None]
    elif rest:
        yield [rest]
