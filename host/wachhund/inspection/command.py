"""`wachhund audit`: one robot, looked at once, without a server or an account."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.inspection.comparing import Difference
    from wachhund.inspection.finding import Answer
    from wachhund.inspection.known_robot import KnownRobot
    from wachhund.inspection.report import Subject

_SAME, _DIFFERENT = 0, 1
_MAX_MINUTES = 1440


def add_parser(subparsers: Any) -> None:
    """Add `audit` to the command line."""
    parser = subparsers.add_parser(
        "audit",
        help="look at one robot's files once, and write a signed report",
        description="Looks for what lets others in, with proof, and writes a report that its reader can check alone. "
        "Nothing is installed, mounted or changed. Exit 0: nothing high was found and all was looked at; 3: something "
        "high was found; 4: something could not be looked at; 2: unusable.",
    )
    ways = parser.add_subparsers(dest="way", metavar="WAY", required=True)
    tree = ways.add_parser("tree", help="a folder that holds a robot's files: a mounted card, or a copy")
    tree.add_argument("source", metavar="DIR", type=Path, help="the folder that is the robot's /")
    image = ways.add_parser("image", help="the image of a card, read without mounting it and without root")
    image.add_argument("source", metavar="FILE", type=Path, help="the image, not compressed")
    ssh = ways.add_parser(
        "ssh",
        help="a running robot, by SSH: its files are read as root, it is watched, and nothing is written there",
        description="The agent watches from the robot's memory and is gone with the connection. The password is asked "
        "for once, or a key is used; sudo there gives root. Compare the SSH host key "
        "with what the robot shows, or give --fingerprint: it stands in the report.",
    )
    ssh.add_argument("robot", metavar="[USER@]ADDRESS[:PORT]", help="the robot (USER: pi)")
    ssh.add_argument("--fingerprint", metavar="SHA256:...", help="of the robot's SSH host key")
    ssh.add_argument(
        "--minutes", metavar="N", type=float, default=15.0, help="watch for so long; 0: its files only (default: 15)"
    )
    ssh.add_argument("--identity", metavar="FILE", type=Path, help="log in with this private key")
    for way, run in ((tree, run_tree), (image, run_image), (ssh, run_ssh)):
        way.add_argument(
            "--out", metavar="FOLDER", type=Path, default=Path(), help="where the report goes (default: here)"
        )
        way.add_argument("--name", metavar="NAME", help="the report's name (default: the source's)")
        way.add_argument("--challenge", metavar="TEXT", help="a text chosen by the reader, to show that it is fresh")
        way.add_argument(
            "--key", metavar="FILE", type=Path, help="the auditor's private key (default: one of yours, made once)"
        )
        way.add_argument("--json", action="store_true", help="print the signed report instead of lines for people")
        way.set_defaults(run=run)
    diff = ways.add_parser("diff", help="what came, went and changed between two reports")
    diff.add_argument("before", metavar="A", type=Path, help="the earlier report (.json or .html)")
    diff.add_argument("after", metavar="B", type=Path, help="the later report")
    diff.add_argument("--json", action="store_true", help="one JSON object on standard output")
    diff.set_defaults(run=run_diff)


def run_tree(args: argparse.Namespace) -> int:
    """Audit a folder."""
    from wachhund.inspection.examining import examine
    from wachhund.inspection.report import Subject
    from wachhund.robot_tree.files import Files, TooMuch
    from wachhund.robot_tree.folder import Folder

    begun_t = time.time()
    folder = Folder(args.source)
    try:
        robot, answers = examine(Files(folder))
    except TooMuch as error:
        raise MisuseError(f"audit: {args.source}: {error}") from None
    finally:
        folder.close()
    return _finish(args, Subject("tree", args.name or _name(args.source)), robot, answers, begun_t)


def run_image(args: argparse.Namespace) -> int:
    """Audit a card's image."""
    from wachhund.inspection.card_reading import digest_of, read_card
    from wachhund.inspection.report import Subject

    begun_t = time.time()
    digest = digest_of(args.source)
    robot, answers = read_card(args.source)
    return _finish(args, Subject("image", args.name or _name(args.source), digest), robot, answers, begun_t)


def run_ssh(args: argparse.Namespace) -> int:
    """Audit a running robot. What was lost on the way makes the report a partial one."""
    import asyncio

    from wachhund.flash import target
    from wachhund.flash.asking import Asking
    from wachhund.flash.known_robots import given_fingerprint
    from wachhund.flash.logging_in import Way
    from wachhund.flash.outcome import FlashRefused
    from wachhund.inspection.examining import PLACES, examine
    from wachhund.inspection.over_ssh import fetch
    from wachhund.inspection.report import Record, Subject
    from wachhund.inspection.watched import answers_of, not_watched
    from wachhund.robot_tree.files import CannotLook, Files, TooMuch

    if not 0 <= args.minutes <= _MAX_MINUTES:
        raise MisuseError(f"--minutes: 0 to {_MAX_MINUTES}")
    wanted = given_fingerprint(args.fingerprint)
    robot_at, asking, begun_t = target.read(args.robot), Asking(), time.time()
    way = Way(asking.password, args.identity)
    try:
        found = asyncio.run(fetch(
            robot_at, wanted, asking, way, PLACES, lambda said: print(said, file=sys.stderr), watch_s=args.minutes * 60
        ))  # fmt: skip
        robot, answers = examine(Files(found.archive))
    except (FlashRefused, CannotLook, TooMuch) as error:
        raise MisuseError(f"audit: {error}") from None
    lost = f"{found.lost}: this report is a partial one" if found.lost else None
    record, text = None, None
    if isinstance(found.watched, str):
        answers += not_watched(found.watched)
    elif found.watched is not None:
        seen = answers_of(found.watched)
        answers += seen.answers
        record, text = Record(found.watched.seconds, seen.observations, seen.sha256), seen.text
    subject = Subject("ssh", args.name or robot_at.address, host_key=found.host_key, lost=lost, watched=record)
    return _finish(args, subject, robot, answers, begun_t, text)


def run_diff(args: argparse.Namespace) -> int:
    """Compare two reports. Exit 0: they say the same; 1: they do not."""
    from wachhund.inspection.comparing import compare
    from wachhund.inspection.recipient import read_report

    found = compare(read_report(args.before).report, read_report(args.after).report)
    if args.json:
        print(json.dumps(found.to_json()))
    else:
        _tell_difference(found)
    return _SAME if found.is_none else _DIFFERENT


def _name(source: Path) -> str:
    return source.resolve().name or "robot"


def _finish(
    args: argparse.Namespace, subject: "Subject", robot: "KnownRobot", answers: "list[Answer]", begun_t: float,
    observations: bytes | None = None,
) -> int:  # fmt: skip
    """Sign, write and tell. `observations`: what the report was made from, to be handed on beside it."""
    from wachhund.inspection.auditor_key import auditor_key, usual_place
    from wachhund.inspection.report import MAX_CHALLENGE_CHARS, exit_status, in_one_line, make
    from wachhund.inspection.report_files import write_report
    from wachhund.inspection.report_page import findings
    from wachhund.inspection.sealed_report import seal
    from wachhund.judge.wording import shown

    if args.challenge is not None and not 0 < len(args.challenge) <= MAX_CHALLENGE_CHARS:
        raise MisuseError(f"--challenge: 1 to {MAX_CHALLENGE_CHARS} characters, as the reader gave it")
    report = make(subject, robot, answers, begun_t, time.time(), args.challenge)
    sealed = seal(report, auditor_key(args.key or usual_place()))
    written = write_report(sealed, subject.name, args.out, observations)
    if args.json:
        sys.stdout.write(sealed.decode("ascii"))
    else:
        print(f"{shown(subject.name)}: {robot.title}: {in_one_line(report)}")
        for finding in findings(report):
            print(f"  {finding['level']:13} {finding['title']}")
        for answer in answers:
            for missed in answer.missed:
                print(f"  not seen      {missed}")
        print(f"report: {', '.join(map(str, written))}")
    return exit_status(report)


def _tell_difference(found: "Difference") -> None:
    for question, before, after in found.answers:
        print(f"{question}: {before}, then {after}")
    for sign, findings in (("+", found.came), ("-", found.went)):
        for finding in findings:
            print(f"{sign} {finding['level']:13} {finding['title']}")
    for old, new in found.changed:
        level = new["level"] if old["level"] == new["level"] else f"{old['level']}, then {new['level']}"
        print(f"~ {level:13} {new['title']}")
        for sign, these, those in (("-", old["proof"], new["proof"]), ("+", new["proof"], old["proof"])):
            for one in these:
                if one not in those:
                    print(f"    {sign} {one}")
    if found.is_none:
        print("the two reports say the same")
