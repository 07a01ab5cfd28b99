"""Where a one-time link leads: whoever was invited, or lost the password, sets one and is in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from wachhund.people.passwords import MIN_CHARACTERS
from wachhund.people.roles import Right
from wachhund.web.acting import needs
from wachhund.web.attempts import TooManyAttempts
from wachhund.web.door import Door
from wachhund.web.login import came_from, let_in, too_many
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)


def _page(request: Request, code: str = "", problem: str = "", status: int = 200) -> Response:
    return render(request, "welcome.html", status=status, code=code, problem=problem, min_characters=MIN_CHARACTERS)


@router.get("/welcome")
@needs(Right.ANYBODY, say="the form that a one-time link leads to")
def form(request: Request) -> Response:
    """The form. The code stands in the fragment, which browsers never send: a script moves it into its field."""
    return _page(request)


@router.post("/welcome")
@needs(Right.ANYBODY, say="set a password by a one-time link")
async def set_password(
    request: Request,
    code: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """A code and a new password against a login."""
    door: Door = request.app.state.door
    try:
        token = await run_in_threadpool(door.by_link, code.strip(), password, again, came_from(request))
    except MisuseError as error:
        return _page(request, code, str(error), 422)
    except TooManyAttempts as error:
        return too_many(_page(request, code, error.words, 429), error)
    if token is None:
        wrong = say("This link is wrong, used or too old. Ask whoever sent it for a new one.")
        return _page(request, "", wrong, 422)
    return let_in(request, token, "/")
