"""Whose agent lies on a robot, and whether a host may go on with it."""

from wachhund.flash import host_side, letting_in
from wachhund.flash.host_side import Host
from wachhund.flash.outcome import ELSEWHERE, FlashRefused
from wachhund.flash.probing import Installed
from wachhund.flash.wish import INSTALL, UPDATE, Wish
from wachhund.ledger import Robot
from wachhund.ledger.roll import LET_IN


def whose(host: Host, installed: Installed, wish: Wish, where: str) -> Robot | None:
    """The robot of this host whose key lies there and which is enrolled. Raises FlashRefused, MisuseError."""
    key = host_side.robots_key(installed.certificate, installed.key)
    robot = None if key is None else host.robot_with(key)
    if robot is not None and robot.state not in LET_IN and wish.act in (INSTALL, UPDATE):
        why = f"is {robot.name!r}, which is {robot.state}: --uninstall, then flash with --replace"
        raise FlashRefused(ELSEWHERE, f"{where}: {why}")
    if wish.act == INSTALL and installed.is_enrolled and robot is None:
        why = "is enrolled at another host, or with a key that counts no more here: --uninstall first"
        raise FlashRefused(ELSEWHERE, f"{where}: {why}")
    if wish.act != INSTALL or installed.is_enrolled:
        return robot
    _check_new(host, robot, wish, where)
    return None


def _check_new(host: Host, cut_off: Robot | None, wish: Wish, where: str) -> None:
    """Its name is to be new, or the same board was cut off while it enrolled, and its invitation is kept."""
    ticket = letting_in.kept(host, wish.name)
    if cut_off is not None:
        if ticket is not None and ticket.robot == cut_off.id:
            return
        why = f"was cut off while it enrolled as {cut_off.name!r}: --uninstall, then flash with --replace"
        raise FlashRefused(ELSEWHERE, f"{where}: {why}")
    letting_in.check_name(host, wish.name, wish.replaces)
    if ticket is not None and letting_in.is_used(host, ticket):
        ticket.path.unlink(missing_ok=True)  # by a key that is gone from there
