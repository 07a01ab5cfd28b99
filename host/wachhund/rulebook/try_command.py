"""`wachhund rules try`: what a rule would have raised, before it counts."""

import argparse
import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wachhund.rulebook.arguments import add_looking_back

if TYPE_CHECKING:
    from wachhund.judge.fact import Fact
    from wachhund.judge.rule import Rule

SAMPLES = 5


def add_parser(commands: Any) -> None:
    """Add `try` to `wachhund rules`."""
    parser = commands.add_parser(
        "try",
        help="what a rule would have raised: counts for each robot and day, newest samples",
        description="Runs a rule over what robots told before. Nothing is saved, nobody is alerted. Incidents are "
        "those that the rule would have made by itself; beside other rules some of them would be one.",
    )
    add_looking_back(parser, "30d")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


@dataclass
class _Tally:
    """Matches and incidents by robot and day (UTC)."""

    matches: dict[tuple[str, str], int] = field(default_factory=dict)
    incidents: dict[str, tuple[str, str]] = field(default_factory=dict)

    def days(self) -> list[tuple[str, str, int, int]]:
        """(robot, day, matches, incidents), by robot and day."""
        raised = list(self.incidents.values())
        places = sorted({*self.matches, *raised})
        return [(*place, self.matches.get(place, 0), raised.count(place)) for place in places]


class _Bench:
    """A judge that knows these rules only, and whose incidents are counted and thrown away."""

    def __init__(self, rules: "Sequence[Rule]", tally: _Tally, since_t: float) -> None:
        from wachhund.judge.engine import Judge

        self._judge: Judge = Judge(rules)
        self._words = {f"{rule.title} ({rule.id})" for rule in rules}
        self._tally = tally
        self._since_t = since_t

    def judge(self, facts: "Sequence[Fact]") -> None:
        """Count the incidents that the rules make of these facts."""
        for incident in self._judge.feed(facts).incidents:
            if incident["first_t"] >= self._since_t and self._words & set(incident["rules"]):
                self._tally.incidents[incident["id"]] = (str(incident["robot"]), _day(incident["first_t"]))


def _day(t: float) -> str:
    from wachhund.keeping.moments import shown

    return shown(t)[:10]


def run(args: argparse.Namespace) -> int:
    """Try a rule. Returns 0."""
    from wachhund.judge.wording import shown
    from wachhund.keeping import moments
    from wachhund.keeping.moments import parse_since
    from wachhund.rulebook import history, shelf, telling
    from wachhund.rulebook.found import Found

    span = history.Span(parse_since(args.since, time.time()))
    rules = history.seeing(shelf.chosen(args.rule, shelf.data_folder(args.data)), args.rule)
    told = [rule for rule in rules if not rule.feeds_only]
    tally = _Tally()
    bench = _Bench(rules, tally, span.since_t)
    samples: deque[Any] = deque(maxlen=SAMPLES)
    with closing(history.open_ledger(args.data)) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        robot = ledger.robot(args.robot).id if args.robot is not None else None
        for match in history.look_back(ledger, rules, span, robot, bench.judge):
            place = (str(match.fact.robot), _day(match.fact.t))
            tally.matches[place] = tally.matches.get(place, 0) + 1
            samples.append(match)
    total = sum(tally.matches.values())
    days = [(names.get(place, place), day, matches, raised) for place, day, matches, raised in tally.days()]
    if args.json:
        made = [{"robot": name, "day": day, "matches": count, "incidents": raised} for name, day, count, raised in days]
        newest = [json.loads(telling.as_json(Found.of(match), names)) for match in samples]
        print(json.dumps({"rules": [rule.id for rule in told], "since": span.since_t, "days": made, "newest": newest}))
        return 0
    for rule in told:
        print(f"{shown(rule.title)} ({rule.level})")
    since = moments.shown(span.since_t)
    found = f"{total} matches, {len(tally.incidents)} incidents"
    print(f"{found} since {since} in {span.read} observations; nothing is saved")
    if days:
        print(f"{'robot':<20}  {'day':<10}  {'matches':>8}  {'incidents':>9}")
    for name, day, matches, raised in days:
        print(f"{shown(name):<20}  {day}  {matches:>8}  {raised:>9}")
    if samples:
        print("newest:")
    for match in samples:
        print(f"  {telling.as_line(Found.of(match), names)}")
    return 0
