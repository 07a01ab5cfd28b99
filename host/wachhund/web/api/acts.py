"""The log of people's acts, for programs: the oldest first, so that whoever asks again goes on where it ended."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from wachhund.keeping.moments import parse_moment
from wachhund.ledger.acts import Search
from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.api.asked import Filters, Part, TimeText
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import ledger_of
from wachhund.web.api.shapes import Act, ActsPart

router = APIRouter(tags=["acts"])


class ActsAsked(Filters, Part):
    """As the URL of the page of acts has it."""

    q: str = Field(default="", max_length=200, description="Words that must all stand in it.")
    who: str | None = Field(default=None, min_length=1, max_length=200, description="Who, exactly.")
    since: TimeText | None = Field(default=None, alias="from", description="UTC")
    until: TimeText | None = Field(default=None, alias="to", description="UTC")


@router.get("/acts")
@needs(Right.AUDIT, say="the log of people's acts")
def acts(request: Request, asked: Annotated[ActsAsked, Query()]) -> ActsPart:
    """A part of the log. `broken`: the first act that is not what was written."""
    ledger = ledger_of(request)
    wanted = Search(
        tuple(asked.q.split()), asked.who, None,
        None if asked.since is None else parse_moment(asked.since, "from"),
        None if asked.until is None else parse_moment(asked.until, "to"),
    )  # fmt: skip
    begin = place(asked, asked.cursor)
    found = ledger.log.after(
        wanted, 0 if begin is None else int(min(max(begin.t, 0.0), 2.0**53)), ledger.log.last_number(), asked.limit + 1
    )
    shown = found[: asked.limit]
    following = cursor(asked, Place(float(shown[-1].number), "")) if len(found) > asked.limit else None
    items = [Act(**{name: getattr(one, name) for name in Act.model_fields}) for one in shown]
    return ActsPart(t=time.time(), broken=ledger.log.first_broken(), items=items, next=following)
