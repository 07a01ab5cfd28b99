"""`wachhund flash`: the agent onto robots by SSH, to another version, and off again; and into a card's image."""

import argparse
import asyncio
import functools
import re
from pathlib import Path
from typing import Any

from wachhund_evidence import MisuseError

_MAX_WITHIN_S = 3600
_MAX_HOURS = 720


def add_parser(subparsers: Any) -> None:
    """Add `flash` to the command line."""
    parser = subparsers.add_parser(
        "flash", help="put the agent onto robots by SSH or by a card's image, or take it away"
    )
    commands = parser.add_subparsers(dest="flash_command", metavar="COMMAND", required=True)
    ssh = commands.add_parser(
        "ssh",
        help="install, enrol and wait until the robot is verified",
        description="Look at the robot, say what will be done, ask, install the agent, enrol and accept it, and wait "
        "until it is verified. The password is asked for once, or a key is used. May be said again at any time. With "
        "--disable-vendor-tunnel or --restore-vendor-tunnel that alone is done, on a robot with or without Wachhund.",
    )
    ssh.add_argument("robot", metavar="[USER@]ADDRESS[:PORT]", nargs="?", help="the robot (USER: pi)")
    ssh.add_argument("--from", dest="file", metavar="FILE", type=Path, help="many: ADDRESS NAME [SHA256:...] a line")
    ssh.add_argument("--at-once", metavar="N", type=int, default=4, help="so many at once of many (4, at most 16)")
    ssh.add_argument("--name", help="the robot's name here (its address)")
    act = ssh.add_mutually_exclusive_group()
    act.add_argument("--update", action="store_true", help="put this host's version in the place of another")
    act.add_argument("--uninstall", action="store_true", help="take it away; nothing is left on the robot")
    act.add_argument(
        "--disable-vendor-tunnel",
        action="store_true",
        help="end the vendor's tunnel (a Go1's CloudSail and NPS) and let it not start again; nothing of it is deleted",
    )
    act.add_argument("--restore-vendor-tunnel", action="store_true", help="put back what that changed, as it was")
    ssh.add_argument(
        "--keep-changed", action="store_true", help="with --restore-vendor-tunnel: what was changed since stays"
    )
    ssh.add_argument("--older", action="store_true", help="with --update: also to an older version")
    ssh.add_argument("--replace", action="store_true", help="the board takes the place of the robot of that name")
    ssh.add_argument("--dry-run", action="store_true", help="look, and say what would be done")
    ssh.add_argument("--yes", action="store_true", help="don't ask whether to go on (but for an SSH host key)")
    ssh.add_argument("--fingerprint", metavar="SHA256:...", help="of the robot's SSH host key, at the first contact")
    ssh.add_argument("--identity", metavar="FILE", type=Path, help="log in with this private key")
    ssh.add_argument("--within", metavar="S", type=int, default=120, help="how long the host's receipt may take (120)")
    ssh.set_defaults(run=run_ssh)
    image = commands.add_parser(
        "image",
        help="make a card's image that installs and enrols the agent at its first start",
        description="Read the image of a card (Raspberry Pi OS, a Go1's) and make another one for one robot: with the "
        "agent's bundle and a token that counts once. Nothing is mounted, root is not needed, and no key lies in it: "
        "the robot makes its own when it first starts. Needs e2fsprogs.",
    )
    image.add_argument("image", metavar="FILE", type=Path, help="the image; it is only read")
    image.add_argument("--name", required=True, help="the robot's name here")
    image.add_argument("--out", metavar="FILE", type=Path, help="the new image (beside the other, with the name added)")
    image.add_argument("--hours", metavar="N", type=int, default=24, help="how long its token counts (24, at most 720)")
    image.add_argument("--replace", action="store_true", help="the board takes the place of the robot of that name")
    image.add_argument("--dry-run", action="store_true", help="look, and say what would be done")
    image.add_argument("--yes", action="store_true", help="don't ask whether to go on")
    image.set_defaults(run=run_image)
    forget = commands.add_parser(
        "forget",
        help="forget a robot's SSH host key, so that the next flash asks for it",
        description="For when you know why the robot shows another key: its card was written anew, or another board "
        "has its address.",
    )
    forget.add_argument("robot", metavar="ADDRESS[:PORT]", help="the robot")
    forget.set_defaults(run=run_forget)
    for command in commands.choices.values():
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_forget(args: argparse.Namespace) -> int:
    """Forget an SSH host key."""
    from wachhund.flash import host_side, target

    wanted = target.read(args.robot)
    print(f"{wanted.where}: {host_side.known_robots(args.data).forget(wanted)} is forgotten")
    return 0


def run_image(args: argparse.Namespace) -> int:
    """Make a card's image for one robot."""
    from wachhund.flash import bundles, host_side, results
    from wachhund.flash.asking import Asking
    from wachhund.flash.card_image import ImageWish, flash_image
    from wachhund.fleet.commands import who
    from wachhund.fleet.registration import check_name

    if not 1 <= args.hours <= _MAX_HOURS:
        raise MisuseError(f"--hours: {args.hours}: give 1 to {_MAX_HOURS}")
    name = check_name(args.name)
    out = args.out or args.image.parent / f"{args.image.stem}-{re.sub('[^A-Za-z0-9._-]', '_', name)}.img"
    wish = ImageWish(args.image, out, name, args.hours, args.replace, args.dry_run)
    with host_side.opened(args.data) as host:
        asking = Asking(args.yes)
        return results.tell_image(lambda telling: flash_image(host, bundles.find, wish, who(), asking, telling))


def run_ssh(args: argparse.Namespace) -> int:
    """Flash one robot, or many."""
    from wachhund.flash import bundles, host_side, results
    from wachhund.flash.asking import Asking
    from wachhund.flash.flashing import Flash
    from wachhund.flash.logging_in import Way
    from wachhund.fleet.commands import who

    wishes = _wishes(args)
    with host_side.opened(args.data) as host:
        asking = Asking(args.yes)
        way = Way(asking.password, args.identity)
        flash = Flash(host, asking, way, who(), functools.cache(bundles.find))
        if args.file is None:
            return asyncio.run(results.tell_one(flash, *wishes[0]))
        return asyncio.run(results.tell_many(flash, wishes, args.at_once))


def _wishes(args: argparse.Namespace) -> list[Any]:
    from wachhund.flash import fleet_file, many, target
    from wachhund.flash.known_robots import given_fingerprint
    from wachhund.flash.wish import DISABLE_TUNNEL, INSTALL, RESTORE_TUNNEL, UNINSTALL, UPDATE, Wish
    from wachhund.fleet.registration import check_name

    if (args.robot is None) == (args.file is None):
        raise MisuseError("give one robot's address, or --from FILE")
    if args.older and not args.update:
        raise MisuseError("--older: goes with --update")
    if args.keep_changed and not args.restore_vendor_tunnel:
        raise MisuseError("--keep-changed: goes with --restore-vendor-tunnel")
    if not 1 <= args.at_once <= many.MAX_AT_ONCE:
        raise MisuseError(f"--at-once: {args.at_once}: give 1 to {many.MAX_AT_ONCE}")
    if not 1 <= args.within <= _MAX_WITHIN_S:
        raise MisuseError(f"--within: {args.within}: give 1 to {_MAX_WITHIN_S} seconds")
    asked = {
        UPDATE: args.update,
        UNINSTALL: args.uninstall,
        DISABLE_TUNNEL: args.disable_vendor_tunnel,
        RESTORE_TUNNEL: args.restore_vendor_tunnel,
    }
    act = next((one for one, is_asked in asked.items() if is_asked), INSTALL)

    def wish(name: str, fingerprint: str | None) -> Wish:
        return Wish(act, name, args.replace, args.older, args.dry_run, args.within, fingerprint, args.keep_changed)

    if args.file is not None:
        if args.name or args.fingerprint:
            raise MisuseError("--name, --fingerprint: with --from they stand in the file")
        return [(line.target, wish(line.name, line.fingerprint)) for line in fleet_file.read_file(args.file)]
    given_fingerprint(args.fingerprint)
    robot = target.read(args.robot)
    return [(robot, wish(check_name(args.name if args.name is not None else robot.address[:64]), args.fingerprint))]
