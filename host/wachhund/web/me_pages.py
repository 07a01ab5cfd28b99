"""A person's own account: password, second factor, logins, tokens. Secrets that are made are shown once."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.ledger.ways_in import SecondFactor
from wachhund.people import inviting, second_factor
from wachhund.people.passwords import MIN_CHARACTERS
from wachhund.people.roles import ALL, Right, Role
from wachhund.web.acting import asker, needs
from wachhund.web.attempts import TooManyAttempts
from wachhund.web.door import Door
from wachhund.web.languages import LANGUAGES
from wachhund.web.login import came_from
from wachhund.web.paper import render
from wachhund.web.said import say
from wachhund.web.viewing import zone_names
from wachhund_evidence import MisuseError

router = APIRouter(prefix="/settings/me", include_in_schema=False)

Text = Annotated[str, Form()]


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def account_page(request: Request, problem: str = "", status: int = 200, **shown: Any) -> Response:
    """A person's account. `shown`: a token, or recovery codes, that were just made."""
    ledger, now, one = _ledger(request), time.time(), asker(request)
    facts = {"token": "", "codes": [], **shown}
    return render(
        request, "me.html", now=now, status=status if not problem or status != 200 else 422, problem=problem, one=one,
        logins=ledger.people.logins(one.name, now), tokens=ledger.ways_in.tokens(one.name),
        factor=ledger.ways_in.factor(one.name), codes_left=ledger.ways_in.recovery_codes_left(one.name),
        passkeys=ledger.passkeys.of(one.name), site=request.app.state.passkeys.site,
        roles=list(Role), groups=[ALL, *ledger.people.groups()], min_characters=MIN_CHARACTERS,
        languages=LANGUAGES.values(), zones=sorted(zone_names()), **facts,
    )  # fmt: skip


@router.get("")
@needs(Right.OWN, say="your account")
def me(request: Request) -> Response:
    """What you may, how you come in, where you are logged in, and your tokens."""
    return account_page(request)


@router.post("/password")
@needs(Right.OWN, say="change your password")
def change_password(request: Request, old: Text = "", password: Text = "", again: Text = "") -> Response:
    """A new password; every other login of yours ends."""
    door: Door = request.app.state.door
    try:
        if not door.change_password(asker(request), old, password, again, came_from(request)):
            return account_page(request, say("The present password is wrong."))
    except MisuseError as error:
        return account_page(request, str(error))
    except TooManyAttempts as error:
        return account_page(request, error.words, 429)
    return RedirectResponse("/settings/me", status_code=303)


@router.post("/logins")
@needs(Right.OWN, say="end a login of yours")
def end_login(request: Request, login: Text = "") -> Response:
    """End it, there and in the ledger."""
    one = asker(request)
    _ledger(request).people.end_login(one.name, login, by=one.who, t=time.time())
    return RedirectResponse("/settings/me", status_code=303)


@router.post("/tokens")
@needs(Right.OWN, say="make or end a token of yours")
def tokens(
    request: Request, name: Text = "", role: Text = "", group: Text = ALL, days: Text = "90", token: Text = ""
) -> Response:
    """Make a token, and show it once; or end the one of that number."""
    one, ledger, now = asker(request), _ledger(request), time.time()
    if token:
        if token.isascii() and token.isdecimal():
            ledger.ways_in.end_token(one.name, int(token[:15]), by=one.who, t=now)
        return RedirectResponse("/settings/me", status_code=303)
    try:
        made = inviting.make_token(ledger, one.name, name, {group: role}, _number(days), by=one.who, t=now)
    except MisuseError as error:
        return account_page(request, str(error))
    return account_page(request, token=made)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise MisuseError(f"days: {text!r} is no number") from None


@router.post("/second-factor")
@needs(Right.OWN, say="set up, confirm or end your second factor")
async def factor(
    request: Request, act: Text = "", password: Text = "", secret: Text = "", code: Text = ""
) -> Response:  # fmt: skip
    """`begin` draws a secret, `confirm` keeps it once a code of it is right, `end` needs the password again."""
    return await run_in_threadpool(_factor, request, act, password, secret.strip(), code)


def _factor(request: Request, act: str, password: str, secret: str, code: str) -> Response:
    door: Door = request.app.state.door
    ledger, one, now = _ledger(request), asker(request), time.time()
    try:
        if act in ("begin", "end") and not door.is_right_password(one, password, came_from(request)):
            return account_page(request, say("The password is wrong."))
    except TooManyAttempts as error:
        return account_page(request, error.words, 429)
    if act == "begin":
        return _offer(request, second_factor.new_secret())
    if act == "end":
        ledger.ways_in.drop_factor(one.name, by=one.who, t=now)
        return RedirectResponse("/settings/me", status_code=303)
    if act != "confirm" or not second_factor.is_secret(secret):
        return account_page(request, say("This form asks for nothing that can be done: begin again."))
    if ledger.ways_in.factor(one.name) is not None:
        return account_page(request, say("You have a second factor: end it first."))
    step = second_factor.step_of(secret, code, now)
    if step is None:
        return _offer(request, secret, say("This is not its code now. Is the device's clock right?"))
    codes = second_factor.new_recovery_codes()
    hashes = [second_factor.recovery_hash(one_code) for one_code in codes]
    ledger.ways_in.save_factor(one.name, SecondFactor(secret, now, step), hashes, by=one.who, t=now)
    return account_page(request, codes=codes)


def _offer(request: Request, secret: str, problem: str = "") -> Response:
    offer = second_factor.offer(secret, asker(request).name, request.url.hostname or "host")
    picture = Markup(offer.picture)  # noqa: S704  drawn here, of base32 and of a name that segno writes as modules
    return render(
        request, "second_factor.html", status=422 if problem else 200, secret=secret, picture=picture, problem=problem
    )
