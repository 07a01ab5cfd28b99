"""Several robots: a bounded number at once, and a result each; one that fails stops no other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.flash.flashing import Flash
from wachhund.flash.one_robot import flash_robot
from wachhund.flash.outcome import OK, FlashRefused
from wachhund.flash.target import Target
from wachhund.flash.telling import Telling
from wachhund.flash.wish import Wish
from wachhund_evidence import MisuseError, WachhundError

MAX_AT_ONCE = 16  # each holds 7 MB on its way


@dataclass(frozen=True)
class Result:
    """`status`: an exit status; `text`: one line."""

    target: Target
    name: str
    status: int
    text: str


async def flash_all(flash: Flash, wishes: Sequence[tuple[Target, Wish]], at_once: int) -> list[Result]:
    """In the order of the wishes. The SSH host keys are asked for first, one after the other."""
    width = max(len(wish.name) for _, wish in wishes)
    turn = asyncio.Semaphore(at_once)

    async def one(target: Target, wish: Wish) -> Result:
        telling = Telling(f"{wish.name:<{width}}  ")
        async with turn:
            try:
                return Result(target, wish.name, OK, await flash_robot(flash, target, wish, telling))
            except WachhundError as error:
                return Result(target, wish.name, status_of(error), str(error))

    met: list[Result | tuple[Target, Wish]] = []
    for target, wish in wishes:
        try:
            await flash.pinned(target, wish, Telling(f"{wish.name:<{width}}  "))
            met.append((target, wish))
        except WachhundError as error:
            met.append(Result(target, wish.name, status_of(error), str(error)))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_given(was) if isinstance(was, Result) else one(*was)) for was in met]
    return [task.result() for task in tasks]


async def _given(result: Result) -> Result:
    return result


def status_of(error: WachhundError) -> int:
    """The exit status of a refusal."""
    if isinstance(error, FlashRefused):
        return error.status
    return 2 if isinstance(error, MisuseError) else 1
