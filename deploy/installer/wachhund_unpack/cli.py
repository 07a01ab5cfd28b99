"""The command line of the host's bundle: `sh FILE.run` makes one folder with a program to start in it, without root,
pip or network. To take it away, delete the folder.
"""

import argparse
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import List, Optional

from wachhund_install.bundle import Bundle
from wachhund_install.disk import Disk
from wachhund_install.outcome import BUNDLE, OK, OTHER_VERSION, Refused, Telling
from wachhund_install.places import Places
from wachhund_install.robot import refusal
from wachhund_seal import seal

_NEW = ".new"
_MARK = "bundle.json"
# What children start is found too: PYTHONPATH is handed on. -s, -P: nothing of this person's or folder's gets in.
_LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$here/lib" exec "{python}" -s -P -m {module} "$@"
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="wachhund-VERSION-MACHINE.run", description="Unpack the Wachhund host into a folder, from which it runs."
    )
    parser.add_argument("--into", type=Path, metavar="DIR", help="the folder to make (default: wachhund-VERSION here)")
    parser.add_argument("--check", action="store_true", help="only say whether this bundle is whole, and who signed it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of words")
    return parser


def main(argv: Optional[List[str]] = None, disk: Optional[Disk] = None) -> int:
    """Unpack. Returns the exit status (`outcome.py`)."""
    arguments = build_parser().parse_args(argv)
    telling = Telling(arguments.json)
    path = Path(sys.argv[0])
    try:
        with path.open("rb") as file:
            found = seal.check(file)
            with zipfile.ZipFile(file) as archive:
                bundle = Bundle(archive, found.sha256, found.key)
                what = "wachhund {} (commit {}), {}".format(
                    bundle.description.version,
                    bundle.description.commit[:12],
                    "signed by the key {}".format(bundle.key) if bundle.key else "UNSIGNED: a development build",
                )
                telling.step("check", "done", what)
                if arguments.check:
                    return telling.end(OK, "the bundle is whole")
                into = arguments.into or Path("wachhund-" + bundle.description.version)
                return telling.end(OK, _unpack(bundle, archive, into, telling, disk or Disk()))
    except (seal.Broken, zipfile.BadZipFile) as error:
        return telling.end(BUNDLE, "{}: {}: get it anew".format(path.name, error))
    except Refused as error:
        return telling.end(error.status, str(error))
    except OSError as error:
        known = refusal(error, Places(Path("/")))
        return telling.end(known.status, str(known))


def _unpack(bundle: Bundle, archive: zipfile.ZipFile, into: Path, telling: Telling, disk: Disk) -> str:
    """The folder gets its name when all of it is there. Returns the last words. Raises Refused, OSError."""
    mark = json.dumps({"sha256": bundle.sha256}) + "\n"
    last = "start it with {}/wachhund".format(into)
    if os.path.lexists(str(into)):
        try:
            is_this = (into / _MARK).read_text(encoding="utf-8") == mark
        except (OSError, UnicodeDecodeError):
            is_this = False
        if not is_this:
            raise Refused(
                OTHER_VERSION, "{}: is there already, and is another one: name a new folder with --into".format(into)
            )
        telling.step("unpack", "already", str(into))
        return last
    new = into.with_name(into.name + _NEW)
    disk.remove_tree(new)
    try:
        for wheel in bundle.wheels():
            for name, data in bundle.files(wheel):
                _put(disk, new / "lib" / name, data, 0o755 if name.startswith("bin/") else 0o644)
        for name in archive.namelist():
            if name.startswith("bundles/"):
                _put(disk, new / name, archive.read(name), 0o755)
        for module in ("wachhund", "wachhund_agent"):
            text = _LAUNCHER.format(python=os.path.realpath(sys.executable), module=module)
            _put(disk, new / module.replace("_", "-"), text.encode("utf-8"), 0o755)
        _put(disk, new / "LICENSE", archive.read("LICENSE"), 0o644)
        _put(disk, new / _MARK, mark.encode("utf-8"), 0o644)
        disk.sync_tree(new)
        disk.rename(new, into)
    except BaseException:
        disk.remove_tree(new)
        raise
    telling.step("unpack", "done", str(into))
    return last


def _put(disk: Disk, path: Path, data: bytes, mode: int) -> None:
    disk.make_folder(path.parent)
    disk.put(path, data, mode)
