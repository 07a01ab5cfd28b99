"""The vendor's tunnel on a robot: disabled, or put back as it was; both by the robot's installer, which backs up.

No agent need be there, and none is installed. What is said to be done was looked at just before.
"""

from wachhund.flash.outcome import DECLINED, FlashRefused
from wachhund.flash.robots_words import Step
from wachhund.flash.there import There
from wachhund.flash.whose import whose
from wachhund.flash.wish import DISABLE_TUNNEL, RESTORE_TUNNEL

_PLANS = {
    DISABLE_TUNNEL: (
        "end the vendor's tunnel, and let it not start again; its programs stay",
        "what is changed is kept in /var/lib/wachhund-vendor-tunnel; --restore-vendor-tunnel puts it back",
    ),
    RESTORE_TUNNEL: (
        "put back what --disable-vendor-tunnel changed, as it was",
        "whoever has the vendor's cloud may reach this robot then",
    ),
}


async def run(there: There) -> str:
    """Do it. Returns how it is now, in a sentence. Raises FlashRefused, MisuseError."""
    wish, telling = there.wish, there.telling
    bundle = there.bundle()
    robot = whose(there.flash.host, there.installed, wish, there.where)
    for name, text in zip(("plan", ""), _PLANS[wish.act], strict=True):
        telling.line(name, text)
    words = [wish.act, *(["--keep-changed"] if wish.keeps_changed else [])]
    told: list[Step] = []

    def on_step(step: Step) -> None:
        if step.step != "copy":
            told.append(step)
        telling.step(step)

    if wish.dry_run or not there.flash.asking.yes:
        last = await there.run(bundle, [*words, "--dry-run"], on_step)
        if wish.dry_run or not told:  # it is so already, or there is none
            return last.text
        if not await there.flash.asking.is_agreed("Go on?"):
            raise FlashRefused(DECLINED, f"{there.where}: nothing was changed")
        told.clear()
    last = await there.run(bundle, words, on_step)
    if told and robot is not None:
        there.flash.host.ledger.note_act(robot.id, wish.act, there.flash.by, f"flash ({there.by_way})")
    return last.text
