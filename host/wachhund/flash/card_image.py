"""A card's image for one robot, made from the image of any such card: with what installs and enrols the agent at the
robot's first start. The image that was given is only read.
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wachhund.flash import card_fitting, card_looking, card_writing, first_boot, letting_in
from wachhund.flash.asking import Asking
from wachhund.flash.bundles import AgentBundle
from wachhund.flash.card_looking import CardSystem
from wachhund.flash.card_workplace import copy, workplace
from wachhund.flash.host_side import Host
from wachhund.flash.outcome import BAD_IMAGE, DECLINED, FAILED, NO_SPACE, FlashRefused
from wachhund.flash.telling import Telling
from wachhund.fleet.inviting import draw
from wachhund.judge.wording import shown
from wachhund.ledger import Invited
from wachhund.ledger.roll import FIRST, REPLACE
from wachhund_evidence import MisuseError

_MAX_CHARS = 4000  # of a line; a path may be that long
_INSTALLED_BYTES = 35_000_000  # beside the bundle, when the robot has started


@dataclass(frozen=True)
class ImageWish:
    """`out`: the new image. `hours`: how long its token counts. `replaces`: the board takes the place of the robot of
    that name."""

    image: Path
    out: Path
    name: str
    hours: float
    replaces: bool
    dry_run: bool


def flash_image(
    host: Host,
    find: Callable[[str], AgentBundle],
    wish: ImageWish,
    by: str,
    asking: Asking,
    telling: Telling,
    now: Callable[[], float] = time.time,
) -> str:
    """Returns what is to be done now, in a sentence. Raises FlashRefused, MisuseError, LedgerError."""
    _check_places(wish)
    card_writing.check_tools()
    letting_in.check_name(host, wish.name, wish.replaces)
    purpose = REPLACE if wish.replaces else FIRST
    token, invited = draw(host.ledger, host.keys, host.authority, wish.name, host.enrol, now(), purpose, wish.hours)
    host.ledger.check_invited(invited)
    system = card_looking.look(wish.image)
    card_fitting.check_fits(wish.image, system)
    bundle = find(system.machine)
    card_fitting.check_room(wish.image, system, bundle)
    for name, text in _plan(host, wish, system, bundle):
        telling.line(name, shown(text, _MAX_CHARS))
    if wish.dry_run:
        return "nothing was made"
    if not asyncio.run(asking.is_agreed("Go on?")):
        raise FlashRefused(DECLINED, f"{wish.out}: nothing was made")
    try:
        with workplace(wish.out.parent) as folder:
            card = folder / "card"
            copy(wish.image, card, wish.out, len(bundle.data))
            telling.line("copy", f"{card.stat().st_size / 1e6:,.0f} MB")
            card_writing.mend(card, system, wish.image)
            if system.has_journal_left:
                system = card_looking.look(card)  # what was in the journal only is seen now
                card_fitting.check_fits(wish.image, system)
            _fill(wish.image, card, system, first_boot.entries(bundle.name, bundle.data, token.text))
            telling.line("written", "and read again: all of it is there, and the file system fits together")
            _give(host, wish, card, invited, by)
    except OSError as error:
        status = NO_SPACE if error.errno == errno.ENOSPC else FAILED
        raise FlashRefused(status, f"{wish.out}: {error.strerror}: nothing was made") from None
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(token.expires_t))
    return (
        f"{wish.out}: write it onto a card. Its robot enrols as {wish.name!r} when it first starts (until {until}); "
        "then compare the six words and accept it: `wachhund robots show` tells how"
    )


def _give(host: Host, wish: ImageWish, card: Path, invited: Invited, by: str) -> None:
    """The last act: an image that did not come about invites nobody, also where this program was killed."""
    _check_places(wish)
    host.ledger.invite(invited, by)
    try:
        card.replace(wish.out)
    except BaseException:
        host.ledger.withdraw(invited.robot, by, "flash: the image did not come about")
        raise


def _check_places(wish: ImageWish) -> None:
    try:
        if not wish.image.is_file():
            what = "no such file" if not wish.image.exists() else "no file: make an image of it first"
            raise MisuseError(f"{wish.image}: {what}")
        if os.path.lexists(wish.out):
            raise MisuseError(f"{wish.out}: is there already: give --out ANOTHER")
        if not wish.out.parent.is_dir():
            raise MisuseError(f"{wish.out.parent}: no such folder")
    except OSError as error:
        raise MisuseError(f"{error.filename}: {error.strerror}") from None


def _plan(host: Host, wish: ImageWish, found: CardSystem, bundle: AgentBundle) -> list[tuple[str, str]]:
    systemd = "systemd not seen" if found.systemd is None else f"systemd {found.systemd}"
    lines = [
        ("image", f"{wish.image}: {found.machine}, Python {', '.join(found.pythons)}, {systemd}"),
        ("free", f"{found.free_bytes / 1e6:,.0f} MB"),
        ("plan", f"write {wish.out} with {bundle.told}"),
        ("", f"at its first start it installs it and enrols as {wish.name!r} at {', '.join(host.enrol)}"),
        ("", f"with a token that lies in the image and counts once, for {wish.hours:g} h; no key is in it"),
    ]
    if found.free_bytes < len(bundle.data) + _INSTALLED_BYTES:
        lines.insert(2, ("", f"for {_INSTALLED_BYTES / 1e6:.0f} MB more its system must grow at its start, as many do"))
    return lines


def _fill(image: Path, card: Path, system: CardSystem, wanted: Sequence[first_boot.Entry]) -> None:
    """Write, and look whether it is there."""
    there = {path for path, how in system.around.items() if how == "folder"}
    card_writing.write(card, system, wanted, there)
    card_writing.check(card, system, image)
    seen = card_looking.look(card).written
    missing = [one.path for one in wanted if one.path not in there and seen.get(one.path) != one.seen]
    if missing:
        raise FlashRefused(BAD_IMAGE, f"{image}: {missing[0]} could not be written into it: is it full, or damaged?")
    with card.open("rb") as file:
        os.fsync(file.fileno())
