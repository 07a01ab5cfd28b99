"""A person's language and time zone, chosen on the page of their account; empty: as the browser says."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs
from wachhund.web.failures import not_done
from wachhund.web.languages import LANGUAGES
from wachhund.web.said import say
from wachhund.web.viewing import zone_of

router = APIRouter(prefix="/settings/me", include_in_schema=False)


@router.post("/words")
@needs(Right.OWN, say="choose the language and time zone of your pages")
def words(
    request: Request, language: Annotated[str, Form()] = "", zone: Annotated[str, Form()] = ""
) -> Response:  # fmt: skip
    """Both are kept at once."""
    zone = zone.strip()
    if language and language not in LANGUAGES:
        return not_done(request, say("There is no such language here"), say("Choose one of the list."))
    if zone and zone != "UTC" and zone_of(zone) is None:
        todo = say("Write it as the zone database does, such as Europe/Berlin or UTC, or leave it empty.")
        return not_done(request, say("There is no such time zone"), todo)
    ledger: Ledger = request.app.state.ledger
    one = asker(request)
    ledger.people.choose_words(one.name, language, zone, by=one.who, t=time.time())
    return RedirectResponse("/settings/me", status_code=303)
