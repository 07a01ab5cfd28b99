"""What people do to the fleet as a list: name a robot's site and tags."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from wachhund.ledger import Ledger
from wachhund.ledger.labels import Relabel
from wachhund.people.roles import Right
from wachhund.web.acting import asker, needs, require
from wachhund.web.failures import not_done
from wachhund.web.said import say
from wachhund_evidence import MisuseError

router = APIRouter(include_in_schema=False)


@router.post("/fleet/labels")
@needs(Right.ACT, inside=True, say="name sites and tags of robots")
def relabel(
    request: Request, robot: Annotated[list[str] | None, Form()] = None, site: Annotated[str, Form()] = "",
    tag: Annotated[str, Form()] = "", drop: Annotated[str, Form()] = "", no_site: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:  # fmt: skip
    """Change the labels of the chosen robots, and show the list again."""
    ledger: Ledger = request.app.state.ledger
    wanted = Relabel(
        "" if no_site else site.strip() or None, (tag,) if tag.strip() else (), (drop,) if drop.strip() else ()
    )
    try:
        names = [ledger.robot(one).name for one in robot or []]
        for name in names:
            require(request, Right.ACT, name)
        ledger.labels.change(robot or [], wanted, f"{asker(request).who} on the fleet page")
    except MisuseError as error:
        return not_done(request, say("The labels were not changed"), str(error))
    # Only a list of ours: whoever made the form chooses no other place.
    return RedirectResponse(back if back == "/" or back.startswith("/?") else "/", status_code=303)
