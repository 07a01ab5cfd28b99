"""Who asks, and may they: the one check before every page and API endpoint, and the row that each route must have.

A route gets its row where it stands, directly above the function:

    @router.post("/robots/{name}/retire")
    @needs(Right.ACT, robot="name", say="take a robot out of service")
    def retire(request: Request, name: str) -> Response:
        one = asker(request)                       # who it is; `one.who` for the log of acts
        ledger.change_robot(name, "retire", one.who, why)

`robot` names the path part, form field or JSON member that names the robot; `incident` the one that holds an incident's
id. A handler that learns only later which robots it is about calls `require` for each, and says so with `inside=True`.
A route without a row is for admins only, and fails a test. docs/roles.md is drawn from these rows:
`python -m tests.roles_table`. In a template, `may("act", robot_name)` says whether to offer something.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from wachhund.ledger import Ledger
from wachhund.people.roles import MEANING, Grant, Groups, Right, holds
from wachhund.web.failures import refused
from wachhund_evidence import MisuseError

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_ROW = "_wachhund_needs"


@dataclass(frozen=True)
class Needs:
    """A route's row: the right that it asks for, of which robot, and what it is for, in a few words."""

    right: Right
    say: str = ""
    robot: str | None = None
    incident: str | None = None
    inside: bool = False

    @property
    def of_a_robot(self) -> bool:
        """Whether the right must be held for a robot that the request names."""
        return self.robot is not None or self.incident is not None or self.inside


# What a route without a row gets: nobody can forget one into the open.
FORGOTTEN = Needs(Right.ADMINISTER, "nothing: this route has no row")


def needs(
    right: Right, *, say: str = "", robot: str | None = None, incident: str | None = None, inside: bool = False
) -> Callable[[_Endpoint], _Endpoint]:
    """Give a route its row. Write it below the router's decorator."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _ROW, Needs(right, say, robot, incident, inside))
        return endpoint

    return mark


def row_of(endpoint: object) -> Needs | None:
    """A route's row; None when it has none."""
    found = getattr(endpoint, _ROW, None)
    return found if isinstance(found, Needs) else None


@dataclass(frozen=True)
class Asker:
    """A person, or a program with a person's token.

    `name`: of the person. `grants`: what they may; of a token, what it may, and `bound` is then what its maker may now.
    `login`: the hash that names the login or token; never shown. `language`, `zone`: of pages; empty: as the browser
    says.
    """

    name: str
    grants: tuple[Grant, ...]
    groups: Groups
    login: str = ""
    token: str | None = None
    bound: tuple[Grant, ...] | None = None
    language: str = ""
    zone: str = ""

    @property
    def who(self) -> str:
        """As the log of acts tells it."""
        return self.name if self.token is None else f"{self.name} by token {self.token}"

    def may(self, right: Right | str, robot: str | None = None) -> bool:
        """Whether they hold a right, for that robot (its name), or with None for at least some."""
        wanted = Right(right)
        if self.token is not None and wanted is Right.OWN:
            return False
        own = holds(self.grants, wanted, self.groups, robot)
        return own and (self.bound is None or holds(self.bound, wanted, self.groups, robot))


class Refused(Exception):
    """They may not do this. Becomes a page for people, problem JSON for programs: 403."""

    def __init__(self, right: Right, robot: str | None) -> None:
        super().__init__(f"may not {MEANING[right]}")
        self.right, self.robot = right, robot


def asker(request: Request) -> Asker:
    """Who asks. Behind every row but `Right.ANYBODY` there is somebody."""
    found: Asker | None = request.state.asker
    if found is None:
        raise Refused(Right.SEE, None)
    return found


def require(request: Request, right: Right, robot: str | None = None) -> Asker:
    """Who asks, if they hold that right for that robot (its name). Raises Refused."""
    one: Asker | None = request.state.asker
    if one is None or not one.may(right, robot):
        raise Refused(right, robot)
    return one


async def enforce(request: Request) -> None:
    """The application's dependency: holds each request against its route's row. Raises Refused."""
    row = row_of(request.scope.get("endpoint")) or FORGOTTEN
    if row.right is Right.ANYBODY:
        return
    require(request, row.right, await _robot(request, row))


async def _robot(request: Request, row: Needs) -> str | None:
    """The name of the robot that the request is about; None when it names none that there is (the page says so)."""
    ledger: Ledger = request.app.state.ledger
    if row.incident is not None:
        found = await run_in_threadpool(ledger.incident, await _named(request, row.incident))
        identity = None if found is None else found.get("robot")
        for robot in await run_in_threadpool(ledger.robots) if identity is not None else ():
            if robot.id == identity:
                return robot.name
        return None
    if row.robot is None:
        return None
    try:
        return (await run_in_threadpool(ledger.robot, await _named(request, row.robot))).name  # by name or id
    except MisuseError:
        return None


async def _named(request: Request, field: str) -> str:
    """What a request says in that path part, form field or JSON member."""
    if field in request.path_params:
        return str(request.path_params[field])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            said = json.loads(await request.body() or b"null")
        except ValueError:
            return ""
        return str(said.get(field, "")) if isinstance(said, dict) else ""
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        said_in_form = (await request.form()).get(field)
        return said_in_form if isinstance(said_in_form, str) else ""
    return request.query_params.get(field, "")


async def on_refused(request: Request, error: Exception) -> Response:
    """The answer to somebody who may not: what they would need, and who can give it."""
    if not isinstance(error, Refused):
        raise error
    return refused(request, MEANING[error.right], error.robot)
