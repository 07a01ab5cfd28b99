"""A plan is a table of steps. Each is done in turn and said; each may be cut off anywhere and the plan begun anew.

So every step looks first whether it was done. What fails (a kill is no failure) undoes what this run did, last first,
back to the last step that `stays`: what the host has been told can't be untold.
"""

from typing import Callable, List, NamedTuple, Optional, Sequence

from wachhund_install.outcome import OK, Refused
from wachhund_install.robot import refusal
from wachhund_install.work import Work

Act = Callable[[Work], Optional[str]]


class Step(NamedTuple):
    """`do` returns what was done, in words; None when it was done before. `undo` must bear that it was not done.

    `stays`: nothing before it is undone any more. `looks`: it changes nothing, and is done in a dry run too.
    """

    name: str
    plan: str
    do: Act
    undo: Optional[Callable[[Work], None]] = None
    stays: bool = False
    looks: bool = False


def run(plan: Sequence[Step], work: Work, end: Callable[[Work], str], way_out: str = "say uninstall") -> int:
    """The exit status. `end`: the last words of a plan that was done. `way_out`: of what could not be undone."""
    if work.options.dry_run:
        for step in plan:
            try:
                text = step.do(work) if step.looks else "would " + step.plan
            except Refused as refused:
                return work.telling.end(refused.status, str(refused))
            work.telling.step(step.name, "note", text or step.plan)
        return work.telling.end(OK, "nothing was changed")
    done: List[Step] = []
    for step in plan:
        work.telling.step(step.name, "begun", step.plan)
        try:
            text = step.do(work)
        except (Refused, OSError) as error:
            why = refusal(error, work.places) if isinstance(error, OSError) else error
            _undo([*done, step], work, way_out)
            return work.telling.end(why.status, str(why))
        work.telling.step(step.name, "done" if text is not None else "already", text or step.plan)
        if text is not None:
            done.append(step)  # what was there before this run stays
        if step.stays:
            done = []
    return work.telling.end(OK, end(work))


def _undo(done: Sequence[Step], work: Work, way_out: str) -> None:
    for step in reversed(done):
        if step.undo is None:
            continue
        try:
            step.undo(work)
        except (Refused, OSError) as error:
            work.telling.step(step.name, "note", "could not be undone ({}): {}".format(error, way_out))
        else:
            work.telling.step(step.name, "undone", step.plan)
