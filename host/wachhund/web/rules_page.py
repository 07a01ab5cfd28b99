"""Which rules look at what robots tell, where each is from, and which can't: the words of `wachhund rules list`."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from wachhund.people.roles import Right
from wachhund.rulebook.listing import Listed, Listing
from wachhund.web.acting import needs
from wachhund.web.failures import missing
from wachhund.web.paper import render
from wachhund.web.said import say

router = APIRouter(include_in_schema=False)
ROWS = 200  # at most; a filter finds the others
_MAX_QUERY_CHARACTERS = 100

Rulebook = Callable[[], Listing]


@router.get("/settings/rules")
@needs(Right.SEE, say="the rules in use")
def rules(request: Request, q: str = "") -> Response:
    """What is looked for, by whose rule, and what is not?"""
    rulebook: Rulebook | None = request.app.state.rulebook
    if rulebook is None:
        return missing(request, say("This host tells its rules by command only"), "`wachhund rules list`")
    found, words = rulebook(), q.strip()[:_MAX_QUERY_CHARACTERS]
    of = sorted(
        (one for one in found.rules if words.lower() in _text(one)), key=lambda one: (one.is_built_in, one.rule.title)
    )
    return render(
        request,
        "settings_rules.html",
        found=found,
        files=len({one.source for one in found.refused}),
        rows=of[:ROWS],
        more=len(of) - ROWS,
        q=words,
    )


def _text(one: Listed) -> str:
    return f"{one.rule.title} {one.rule.id} {one.source} {one.rule.level}".lower()
