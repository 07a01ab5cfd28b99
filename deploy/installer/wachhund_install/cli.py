"""The installer's command line: from a bundle (`sh FILE.run COMMAND`), or from an installed version
(`python3 /opt/wachhund/current/installer COMMAND`), which can say how it is and take itself away.
"""

import argparse
import contextlib
import fcntl
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Iterator, List, Optional

from wachhund_install import plans, removing, steps, switching
from wachhund_install.bundle import Bundle
from wachhund_install.disk import Disk
from wachhund_install.outcome import BUNDLE, BUSY, FAILED, NOT_INSTALLED, OK, USAGE, Refused, Telling
from wachhund_install.places import PREFIX_NEW, PROGRAM, UNIT, Places
from wachhund_install.robot import refusal
from wachhund_install.services import Services
from wachhund_install.vendor_tunnel import plans as tunnel
from wachhund_install.vendor_tunnel import record
from wachhund_install.work import Options, Work
from wachhund_seal import seal

_MAX_TOKEN_BYTES = 4096
_MAX_WITHIN_S = 86400


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="wachhund-agent-VERSION-MACHINE.run",
        description="Put the Wachhund agent onto this robot, or take it away.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for name, text in (
        ("install", "put the agent onto this robot"),
        ("update", "put this version in the place of the one that is installed"),
        ("uninstall", "take it all away"),
        ("disable-vendor-tunnel", "end the vendor's tunnel, and let it not start again; nothing of it is deleted"),
        ("restore-vendor-tunnel", "put back what disable-vendor-tunnel changed, as it was"),
        ("status", "say what is installed"),
        ("check", "say whether this bundle is whole, and who signed it"),
        ("settle", "for systemd: decide a trial after the agent has ended"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="one JSON object a line instead of words")
        if name == "check":
            continue
        command.add_argument(
            "--root", type=Path, default=Path("/"), metavar="DIR", help="the robot's file system (default: this one)"
        )
        if name not in ("status", "settle"):
            command.add_argument("--dry-run", action="store_true", help="say what would be done")
        if name == "restore-vendor-tunnel":
            command.add_argument(
                "--keep-changed", action="store_true", help="what was changed since it was disabled stays as it is"
            )
        if name in ("install", "update"):
            command.add_argument(
                "--within", type=_seconds, default=120, metavar="S",
                help="how long a host's receipt may take (default 120); 0: wait for none",
            )  # fmt: skip
        if name == "install":
            command.add_argument("--enrol", choices=["-"], help="enrol with the token that comes by standard input")
            command.add_argument("--no-start", action="store_true", help="leave the start to the robot's next one")
        if name == "update":
            command.add_argument("--older", action="store_true", help="also when this version is older")
    return parser


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_WITHIN_S:
        raise argparse.ArgumentTypeError("not a number of seconds up to {}".format(_MAX_WITHIN_S))
    return int(text)


def main(argv: Optional[List[str]] = None, disk: Optional[Disk] = None) -> int:
    """Run one command. Returns its exit status (`outcome.py`)."""
    arguments = build_parser().parse_args(argv)
    telling = Telling(arguments.json)
    os.umask(0o022)
    try:
        with _bundle(Path(sys.argv[0])) as bundle:
            if arguments.command == "check":
                return _say_bundle(bundle, telling, arguments.json)
            return _run(arguments, bundle, telling, disk or Disk())
    except Refused as error:
        return telling.end(error.status, str(error))
    except OSError as error:
        known = refusal(error, Places(Path("/")))
        return telling.end(known.status, str(known))
    except KeyboardInterrupt:
        return telling.end(FAILED, "interrupted: say the same again, or what takes it back")


def _run(arguments: argparse.Namespace, bundle: Optional[Bundle], telling: Telling, disk: Disk) -> int:
    places = Places(arguments.root.resolve())
    if not places.root.is_dir():
        raise Refused(USAGE, "{}: no such folder: name a robot's file system".format(places.root))
    services = Services(places.is_running_system, disk.on_change)
    token = sys.stdin.read(_MAX_TOKEN_BYTES).strip() if getattr(arguments, "enrol", None) else None
    options = Options(
        token=token,
        within_s=getattr(arguments, "within", 0),
        older=getattr(arguments, "older", False),
        dry_run=getattr(arguments, "dry_run", False),
        python=os.path.realpath(sys.executable),
        keep_changed=getattr(arguments, "keep_changed", False),
        starts=not getattr(arguments, "no_start", False),
    )
    work = Work(places, disk, services, telling, options, bundle)
    if arguments.command == "status":
        return _say_status(work, arguments.json)
    if arguments.command == "settle":
        removing.forget_instances(work)
        said = switching.settle(work, os.environ)
        return OK if said is None else telling.end(OK, said)
    with _alone(places):
        if arguments.command == "install":
            return steps.run(plans.INSTALL, work, lambda done: "installed: {}".format(done.bundle.name))
        if arguments.command == "update":
            return steps.run(plans.UPDATE, work, lambda done: "updated: {}".format(done.bundle.name))
        if arguments.command == "disable-vendor-tunnel":
            return tunnel.disable(work)
        if arguments.command == "restore-vendor-tunnel":
            return tunnel.restore(work)
        return steps.run(plans.UNINSTALL, work, removing.last_words)


@contextlib.contextmanager
def _bundle(path: Path) -> Iterator[Optional[Bundle]]:
    """The bundle that we were started from, checked; None when it is an installed version. Raises Refused."""
    if path.is_dir() or not path.exists():
        yield None
        return
    with path.open("rb") as file:
        try:
            found = seal.check(file)
            with zipfile.ZipFile(file) as archive:
                yield Bundle(archive, found.sha256, found.key)
        except (seal.Broken, zipfile.BadZipFile) as error:
            raise Refused(BUNDLE, "{}: {}: get it anew".format(path.name, error)) from None


@contextlib.contextmanager
def _alone(places: Places) -> Iterator[None]:
    """One installer at a time; the lock lies on a folder that is there anyway, so that none of ours stays behind."""
    folder = places.units
    while not folder.is_dir():
        folder = folder.parent
    fd = os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(BUSY, "another installer runs here: wait for it") from None
        yield
    finally:
        os.close(fd)


def _say_bundle(bundle: Optional[Bundle], telling: Telling, as_json: bool) -> int:
    if bundle is None:
        raise Refused(NOT_INSTALLED, "there is no bundle here: run the .run file")
    what = bundle.description
    if as_json:
        print(json.dumps(dict(what._asdict(), sha256=bundle.sha256, key=bundle.key, name=bundle.name), sort_keys=True))
        return OK
    signed = "signed by the key {}".format(bundle.key) if bundle.key else "UNSIGNED: a development build"
    text = "wachhund-agent {} for {} (commit {}): whole; {}"
    return telling.end(OK, text.format(what.version, what.arch, what.commit[:12], signed))


def _say_status(work: Work, as_json: bool) -> int:
    places = work.places
    current, trial = work.current_name(), switching.read(places.trial)
    versions = sorted(path.name for path in places.versions.iterdir()) if places.versions.is_dir() else []
    left = [name for name in versions if name.startswith(PREFIX_NEW)]
    found = {
        "current": current,
        "versions": [name for name in versions if name not in left],
        "half_finished": bool(left) or (current is None and bool(places.program.exists() or places.state.exists())),
        "trial": trial or None,
        "enrolled": work.is_enrolled(),
        "verified": switching.read(places.mark).get("folder") == "{}/versions/{}".format(PROGRAM, current),
        "service": work.services.state(),
        "vendor_tunnel_disabled": record.exists(work),
    }
    status = OK if current is not None else NOT_INSTALLED
    if as_json:
        print(json.dumps(found, sort_keys=True))
        return status
    if current is None:
        half = "a half-finished installation: say install, or uninstall" if found["half_finished"] else "nothing"
        return work.telling.end(status, "installed is {}".format(half))
    words = ["{} is installed".format(current)]
    words.append("enrolled" if found["enrolled"] else "not enrolled")
    words.append("verified by a host" if found["verified"] else "not verified by a host")
    if trial:
        words.append("on trial, {} comes back if it fails".format(trial.get("before")))
    if left:
        words.append("a half-finished version lies beside it: say update, or install")
    service = work.services.state()
    if service:
        words.append("{} is {} ({})".format(UNIT, service.get("ActiveState"), service.get("StatusText") or "no word"))
    return work.telling.end(status, "; ".join(words))
