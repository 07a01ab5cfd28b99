"""`wachhund-agent doctor`: what each sense can see on this machine, what it can't, and what would help.

Also which of the host's addresses answer, and a report of it all that an owner can send in.
"""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

from wachhund_agent.observe import add_profile_option
from wachhund_agent.profile import Profile, choose, names
from wachhund_agent.senses import Setup
from wachhund_agent.sensing import Sensing
from wachhund_evidence import Coverage

if TYPE_CHECKING:
    from wachhund_agent.host_answers import Answer

EXIT_BLIND = 1
ANSWERS_S = 15.0  # a broker gets ten seconds to answer
_WORDS = {"event": "hears each event", "poll": "looks now and then", "blind": "sees nothing"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="say what each sense can see here, what it can't, and what would help",
        description="Wake each sense once, say what it can see on this machine and what it can't, and end. "
        "Nothing is kept, and nothing sent but, with --config, a TLS handshake to each address of the host. Exit "
        "status 1 when a sense sees nothing, or no address of the host answers.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="what `enrol` wrote: say also which of the host's addresses answer"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a new file, without anything by which this robot is known, that you can send in",
    )
    add_profile_option(parser)
    parser.set_defaults(run=run)


def advice(sense: Coverage, is_root: bool) -> List[str]:
    """What the person who runs this can do for a sense that does not hear each event."""
    if sense.state == "event" or sense.why is None:
        return []
    tips = [] if is_root else ["run it as root: kernel events are for root only"]
    if is_root and ("kernel events" in sense.why or "trac" in sense.why):
        tips.append("see that tracefs can be mounted: mount -t tracefs tracefs /sys/kernel/tracing")
    if sense.state == "blind":
        tips.append(
            "let the service open netlink and packet sockets and see /proc and /dev "
            "(systemd: RestrictAddressFamilies, PrivateNetwork, PrivateDevices, ProtectProc)"
        )
    return tips


def report(coverage: Dict[str, Coverage], is_root: bool) -> List[str]:
    """The lines for people, a sense each, with reasons and advice under it."""
    width = max(len(name) for name in coverage)
    lines = []
    for name, sense in sorted(coverage.items()):
        often = "" if sense.interval_s is None else " (each {:g} s)".format(sense.interval_s)
        lines.append(
            "{}  {}{}, from {}".format(name.ljust(width), _WORDS.get(sense.state, sense.state), often, sense.source)
        )
        reasons = sense.why.split("; ") if sense.why else []
        lines.extend("{}  - {}".format(" " * width, reason) for reason in reasons)
        lines.extend("{}  > {}".format(" " * width, tip) for tip in advice(sense, is_root))
    return lines


def _lines(profile: Profile, coverage: Dict[str, Coverage], answers: Optional[Sequence["Answer"]]) -> List[str]:
    """All that is told to people."""
    return [
        "profile: {} ({})".format(profile.name, profile.title),
        *report(coverage, os.geteuid() == 0),
        *("not seen from this board: {}".format(way) for way in profile.unseen),
        *("host {}: {}: {}".format(*answer) for answer in answers or ()),
    ]


def _as_json(
    profile: Profile, coverage: Dict[str, Coverage], answers: Optional[Sequence["Answer"]]
) -> Dict[str, object]:
    """The same for programs; `host` only where it was asked."""
    is_root = os.geteuid() == 0
    senses = {name: dict(sense.to_json(), advice=advice(sense, is_root)) for name, sense in coverage.items()}
    host = {} if answers is None else {"host": [answer._asdict() for answer in answers]}
    return {"profile": profile.name, "sensors": senses, "unseen": profile.unseen, **host}


def _coverage(sensing: Sensing) -> Dict[str, Coverage]:
    """What each sense can see, once those that ask somebody (the robot's broker) have an answer."""
    seen: Dict[str, Coverage] = {}

    def knows() -> bool:
        seen.update(sensing.coverage())
        return not sensing.is_asking()

    sensing.run(knows, ANSWERS_S)
    return seen


def run(arguments: argparse.Namespace) -> int:
    """Wake the senses, ask them, and let them sleep again. Raises MisuseError."""
    # What asks the host and writes reports is loaded when it is wanted: an agent that observes would carry it too.
    from wachhund_agent import capability_report, config, host_answers
    from wachhund_agent.own_vocabulary import vocabulary

    if arguments.report is not None:
        capability_report.check_free(arguments.report)
    told = None if arguments.config is None else config.load(arguments.config)
    wanted = arguments.profile or (None if told is None else told.profile)
    profile = choose(wanted, None if arguments.profile or told is None else arguments.config.resolve().parent)
    answers = None if told is None else host_answers.ask(told)
    coverage = _coverage(Sensing(lambda observations: None, setup=Setup(profile)))
    if arguments.report is not None:  # before anything is printed: whoever reads that may have gone
        ours = profile.name if wanted is None or wanted in names() else None
        states = None if answers is None else [answer.state for answer in answers]
        capability_report.write(arguments.report, capability_report.make(ours, coverage, states, vocabulary()))
    if arguments.json:
        print(json.dumps(_as_json(profile, coverage, answers), indent=2, sort_keys=True))
    else:
        print("\n".join(_lines(profile, coverage, answers)))
    if arguments.report is not None and not arguments.json:
        print("report: {}: read it before you send it".format(arguments.report))
    is_alone = answers is not None and all(answer.state != host_answers.REACHED for answer in answers)
    return EXIT_BLIND if is_alone or any(sense.state == "blind" for sense in coverage.values()) else 0
