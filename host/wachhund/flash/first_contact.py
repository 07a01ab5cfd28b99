"""The SSH host key that a robot shows at the first contact: whoever asked confirms it, or it is refused."""

from collections.abc import Callable

from wachhund.flash.asking import Asking
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.outcome import UNKNOWN_KEY, FlashRefused
from wachhund.flash.target import Target


def check(target: Target, shown: str, wanted: str | None) -> None:
    """That a key ("ALGORITHM BASE64") has the wanted fingerprint, if one is wanted. Raises FlashRefused."""
    found = fingerprint(shown)
    if wanted is not None and wanted != found:
        raise FlashRefused(UNKNOWN_KEY, f"{target.where}: its SSH host key is {found}, not {wanted}")


async def confirm(target: Target, shown: str, asking: Asking, tell: Callable[[str], None]) -> None:
    """Ask whether it is this robot's. Raises FlashRefused when the answer is not yes."""
    found = fingerprint(shown)
    tell(f"{target.where} shows {found}, seen for the first time")
    # --yes is no answer to this: it would be one to somebody in between, too.
    if not await asking.is_agreed("Is it this robot's?", in_any_case=True):
        raise FlashRefused(
            UNKNOWN_KEY,
            f"{target.where}: its SSH host key was not confirmed: compare {found} with `ssh-keygen -lf` on the robot, "
            "then answer y, or give --fingerprint",
        )
