"""Single sign-on on the pages: the way there, and the way back."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from wachhund.people.roles import Right
from wachhund.people.single_sign_on import SignOnFailed
from wachhund.web.acting import needs
from wachhund.web.attempts import TooManyAttempts
from wachhund.web.login import came_from, carry_login, cookie_name, login_page, safe_next, too_many
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund.web.sign_on_door import BACK, HOLDS_S, SignOnDoor

router = APIRouter(include_in_schema=False)
_THERE = "/login/single-sign-on"
_NONE = say("There is no single sign-on here.")


def _try_cookie(request: Request) -> str:
    """Holds what binds a log-in on its way to the browser that began it."""
    return f"{cookie_name(request)}_sso"


@router.get(_THERE)
@needs(Right.ANYBODY, say="begin to log in by single sign-on")
async def there(request: Request, next: str = "/") -> Response:  # noqa: A002
    """To the provider. A link, no form: a form may lead nowhere else (form-action)."""
    door: SignOnDoor | None = request.app.state.sign_on
    target = safe_next(next)
    if door is None:
        return login_page(request, target, _NONE, 404)
    try:
        token, address = await run_in_threadpool(door.begin, target, came_from(request))
    except TooManyAttempts as error:
        return too_many(login_page(request, target, error.words, 429), error)
    except SignOnFailed as error:
        return login_page(request, target, str(error), 502)
    answer = RedirectResponse(address, status_code=303)
    # Lax: the way back is a link from another site.
    answer.set_cookie(
        _try_cookie(request), token, max_age=int(HOLDS_S), path=_THERE, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@router.get(BACK)
@needs(Right.ANYBODY, say="come back from single sign-on")
async def back(request: Request) -> Response:
    """From the provider. A page that goes on by itself: a login's cookie is not sent on a way from another site."""
    door: SignOnDoor | None = request.app.state.sign_on
    if door is None:
        return login_page(request, "/", _NONE, 404)
    token = request.cookies.get(_try_cookie(request), "")
    try:
        login, target = await run_in_threadpool(door.come_back, token, dict(request.query_params), came_from(request))
    except TooManyAttempts as error:
        return too_many(login_page(request, "/", error.words, 429), error)
    except SignOnFailed as error:
        return login_page(request, "/", str(error), 401)
    answer = render(request, "signed_on.html", target=target)
    carry_login(request, answer, login)
    answer.delete_cookie(_try_cookie(request), path=_THERE, httponly=True, samesite="lax")
    return answer
