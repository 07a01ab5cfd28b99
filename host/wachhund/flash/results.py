"""A flash to its end: what is printed then, and the exit status."""

import sys
from collections.abc import Callable, Sequence

from wachhund.flash.asking import Asking
from wachhund.flash.flashing import Flash
from wachhund.flash.many import flash_all, status_of
from wachhund.flash.one_robot import flash_robot
from wachhund.flash.outcome import DECLINED, FAILED, OK
from wachhund.flash.target import Target
from wachhund.flash.telling import Telling
from wachhund.flash.wish import Wish
from wachhund.judge.wording import shown
from wachhund_evidence import WachhundError

_MAX_CHARS = 4000  # of a refusal; most have 150


async def tell_one(flash: Flash, target: Target, wish: Wish) -> int:
    """The last line is how the robot is now, or, on standard error, why not."""
    telling = Telling()
    try:
        print(await flash_robot(flash, target, wish, telling))
    except WachhundError as error:
        return _refused(error, telling)
    finally:
        telling.clear()
    return OK


def tell_image(work: Callable[[Telling], str]) -> int:
    """As `tell_one`, of what makes an image."""
    telling = Telling()
    try:
        print(shown(work(telling), _MAX_CHARS))
    except WachhundError as error:
        return _refused(error, telling)
    return OK


def _refused(error: WachhundError, telling: Telling) -> int:
    telling.clear()
    print(f"wachhund: {shown(str(error), _MAX_CHARS)}", file=sys.stderr)
    return status_of(error)


async def tell_many(flash: Flash, wishes: Sequence[tuple[Target, Wish]], at_once: int) -> int:
    """Asks once for all. At the end a line each: name, address, exit status, how it is; 1 when one failed."""
    asking: Asking = flash.asking
    verb = wishes[0][1].act
    if not wishes[0][1].dry_run and not await asking.is_agreed(f"{verb} {len(wishes)} robots?"):
        print("wachhund: nothing was changed", file=sys.stderr)
        return DECLINED
    asking.yes = True
    results = await flash_all(flash, wishes, at_once)
    width = max(len(one.name) for one in results)
    print()
    for one in results:
        how = "ok" if one.status == OK else f"failed ({one.status})"
        print(f"{one.name:<{width}}  {one.target.where}  {how}  {shown(one.text, _MAX_CHARS)}")
    return OK if all(one.status == OK for one in results) else FAILED
