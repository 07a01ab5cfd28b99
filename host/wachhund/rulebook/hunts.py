"""Hunts that somebody started on a page: one at a time, bounded, cancellable, their newest results kept in memory.

The code is that of `wachhund hunt`; a host that stops forgets them. Where several processes serve the pages, each
writes how its hunt stands into the ledger each second, and reads there how those of the others do (kept_hunts).
"""

import contextlib
import itertools
import json
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wachhund.fleet.data_folder import DataFolder
from wachhund.judge.rule import Rule
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.kept_hunts import END, GONE, KeptHunt
from wachhund.rulebook import history, shelf
from wachhund.rulebook.found import Found
from wachhund_evidence import MisuseError

MAX_S = 120.0  # of one hunt: who wants more uses `wachhund hunt`
MAX_MATCHES = 1_000  # kept of one, the first; all are counted
MAX_HUNTS = 8  # kept, the oldest goes
MAX_RULE_CHARACTERS = 32 * 1024
_TELL_EVERY_S = 1.0
_LOOK_EVERY = 64  # matches between two looks at the clock
RUNS, DONE, CANCELLED, OUT_OF_TIME, FAILED = "runs", "done", "cancelled", "out of time", "failed"


@dataclass
class Hunt:
    """One hunt. `state`: see above; `span`: what is looked at; `total`: matches; `matches`: the first of them."""

    id: str
    title: str
    by: str
    since_t: float
    robot: str | None
    started_t: float
    state: str = RUNS
    why: str = ""
    total: int = 0
    robots: set[str | None] = field(default_factory=set)
    matches: list[Found] = field(default_factory=list)
    span: history.Span = field(default_factory=lambda: history.Span(0.0))
    _cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self.state == RUNS

    def as_now(self) -> "Hunt":
        """A copy that does not change; it can be cancelled as this one. What it says is done is whole."""
        state, why = self.state, self.why  # before the rest, which is there before it is said to be done
        return replace(self, state=state, why=why, robots=set(self.robots), matches=list(self.matches))

    def cancel(self) -> None:
        """Let it end soon."""
        self._cancel.set()

    def to_text(self) -> str:
        """For another process (JSON)."""
        span = [self.span.since_t, self.span.read, self.span.unreadable]
        matches = [one.to_json() for one in self.matches]
        head = [self.id, self.title, self.by, self.since_t, self.robot, self.started_t, self.state, self.why]
        return json.dumps([head, self.total, sorted(map(str, self.robots)), matches, span])


def _read(kept: KeptHunt) -> Hunt:
    """As another process told it. One that fell silent in the middle has ended with its process."""
    head, total, robots, matches, span = json.loads(kept.body)
    identity, title, by, since_t, robot, started_t, state, why = head
    hunt = Hunt(
        identity, title, by, since_t, robot, started_t, state, why, total, set(robots),
        [Found.from_json(one) for one in matches], history.Span(*span),
    )  # fmt: skip
    if hunt.runs and kept.is_silent:
        hunt.state, hunt.why = FAILED, "the process that ran it has ended: begin again"
    return hunt


Begin = Callable[[Callable[[], None]], None]


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="hunt", daemon=True).start()


class Hunts:
    """The hunts of one host. Safe to use from several threads."""

    def __init__(
        self, ledger: Ledger, data: DataFolder, max_s: float = MAX_S, begin: Begin = _in_a_thread,
        is_shared: bool = False, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`begin`: runs what it is given beside the caller; the default is a thread. `is_shared`: with other processes
        that serve pages of this ledger."""
        self._ledger, self._data, self._max_s = ledger, data, max_s
        self._kept, self._clock = ledger.kept_hunts if is_shared else None, clock
        self._begin = begin
        self._lock = threading.Lock()
        self._hunts: OrderedDict[str, Hunt] = OrderedDict()

    def rules(self) -> list[Rule]:
        """The rules in use that tell something, by title."""
        folder = shelf.in_use(self._data)
        folder.look()
        found = [rule for file in (*folder.built_in, *folder.own()) for rule in file.rules if not rule.feeds_only]
        return sorted(found, key=lambda rule: rule.title)

    def get(self, identity: str) -> Hunt | None:
        """The hunt of that id as it is now, if it is kept yet."""
        if self._kept is not None:
            kept = self._kept.find(identity, self._clock())
            return None if kept is None else _read(kept)
        with self._lock:
            hunt = self._hunts.get(identity)
        return None if hunt is None else hunt.as_now()

    def all(self) -> list[Hunt]:
        """Those that are kept, the newest first."""
        if self._kept is not None:
            return [_read(kept) for kept in self._kept.all(self._clock())]
        with self._lock:
            return list(reversed(self._hunts.values()))

    def cancel(self, identity: str) -> Hunt | None:
        """Let one end soon, whichever process runs it. None: there is none of that id."""
        with self._lock:
            mine = self._hunts.get(identity)
        if mine is not None:
            mine.cancel()
        elif self._kept is not None:
            self._kept.cancel(identity)
        return self.get(identity)

    def start(self, text: str, rule: str, since_t: float, robot: str | None, by: str) -> Hunt:
        """Begin one. `text`: a Sigma rule's text, or else `rule`: the id of one in use. `robot`: an id; None for all.

        Raises MisuseError: no rule, a rule that can't be used or never match, or another hunt runs.
        """
        rules = self._rules(text, rule)
        title = next((one.title for one in rules if not one.feeds_only), "a rule")
        hunt = Hunt(secrets.token_hex(8), title, by, since_t, robot, time.time(), span=history.Span(since_t))
        with self._lock:
            if any(one.runs for one in self._hunts.values()):
                raise MisuseError("another hunt is going on: wait for it, or cancel it")
            self._hunts[hunt.id] = hunt
            while len(self._hunts) > MAX_HUNTS:
                self._hunts.popitem(last=False)
        try:
            if self._kept is not None:
                self._kept.begin(hunt.id, hunt.to_text(), self._clock(), MAX_HUNTS)
        except LedgerError:
            with self._lock:
                del self._hunts[hunt.id]
            raise
        self._begin(lambda: self._run(hunt, rules))
        return hunt

    def _rules(self, text: str, rule: str) -> Sequence[Rule]:
        if text.strip():
            if len(text) > MAX_RULE_CHARACTERS:
                raise MisuseError(f"the rule: more than {MAX_RULE_CHARACTERS // 1024} KiB")
            with tempfile.TemporaryDirectory(prefix="wachhund-hunt-") as folder:
                path = Path(folder) / "rule.yml"
                path.write_text(text, encoding="utf-8", errors="replace")
                try:
                    return history.seeing(shelf.chosen(str(path), self._data), "the rule")
                except MisuseError as error:
                    raise MisuseError(str(error).replace(str(path), "the rule")) from None
        # Only ids that are in use: what somebody typed is never a path here.
        if rule not in {one.id for one in self.rules()}:
            raise MisuseError("paste a Sigma rule, or choose one")
        return history.seeing(shelf.chosen(rule, self._data), "the rule")

    def _run(self, hunt: Hunt, rules: Sequence[Rule]) -> None:
        end = time.monotonic() + self._max_s
        told = time.monotonic()

        def look_up(_facts: object) -> None:
            """Asked with each batch, so also where nothing matches."""
            nonlocal told
            if time.monotonic() - told > _TELL_EVERY_S:
                self._tell(hunt)
                told = time.monotonic()
            if hunt._cancel.is_set():
                raise _Ended(CANCELLED, "")
            if time.monotonic() > end:
                raise _Ended(OUT_OF_TIME, f"{self._max_s:.0f} s were over: a shorter span, or `wachhund hunt`")

        try:
            found = history.look_back(self._ledger, rules, hunt.span, hunt.robot, look_up)
            for number, match in zip(itertools.count(1), found, strict=False):
                hunt.total = number
                hunt.robots.add(match.fact.robot)
                if number <= MAX_MATCHES:
                    hunt.matches.append(Found.of(match))
                if number % _LOOK_EVERY == 0:
                    look_up(())
            hunt.state = DONE
        except _Ended as ended:
            hunt.why, hunt.state = ended.why, ended.state
        except (MisuseError, LedgerError) as error:
            hunt.why, hunt.state = str(error), FAILED
        with contextlib.suppress(_Ended, LedgerError):  # what is not told any more is silent
            self._tell(hunt)

    def _tell(self, hunt: Hunt) -> None:
        if self._kept is None:
            return
        wanted = self._kept.tell(hunt.id, hunt.to_text(), self._clock())
        if wanted == END:
            hunt.cancel()
        elif wanted == GONE:
            hunt.matches.clear()
            raise _Ended(CANCELLED, "newer ones took its place, or evidence was erased: begin again")


class _Ended(Exception):
    def __init__(self, state: str, why: str) -> None:
        super().__init__(state)
        self.state, self.why = state, why
