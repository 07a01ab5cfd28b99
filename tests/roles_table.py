"""docs/roles.md: who may ask what, drawn from the rows of the routes. `python -m tests.roles_table` writes it anew.

A new route gets its row where it stands (wachhund.web.acting); tests/unit/host/web/test_roles.py then asks every route
of the running application as everybody, and compares with what is written here.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from wachhund.ledger import Ledger
from wachhund.notify.sealing import Sealer
from wachhund.people.passkeys import site_of
from wachhund.people.roles import MEANING, RIGHTS, ROLE_MEANING, Grant, Right, Role, holds
from wachhund.reports.making import Reports
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard
from wachhund.web.routes import AppRoute, every_route

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "roles.md"
BEGIN, END = "<!-- drawn from the routes: python -m tests.roles_table -->", "<!-- end -->"
GROUPS = {"lab": ("go1-*",), "attic": ("old-*",)}
ROBOT = "go1-07"


@dataclass(frozen=True)
class Column:
    """Somebody who asks: how the table names them, and what they hold; None: not logged in."""

    title: str
    name: str
    grants: dict[str, str] | None


COLUMNS = (
    Column("nobody", "", None),
    Column("viewer", "vera", {"all": "viewer"}),
    Column("auditor", "aude", {"all": "auditor"}),
    Column("operator of another group", "otto", {"attic": "operator"}),
    Column("operator", "olga", {"lab": "operator"}),
    Column("admin", "anna", {"all": "admin"}),
)
HOW = (
    "give it its row: @needs(Right....) of wachhund.web.acting between the router's line and the function, then "
    "`python -m tests.roles_table`"
)


def may(column: Column, route: AppRoute) -> bool:
    """What the row says for somebody, about a robot of the group `lab`."""
    row = route.needs
    if row is None:
        raise SystemExit(f"{route.method} {route.path}: this route has no row: {HOW}")
    if row.right is Right.ANYBODY:
        return True
    if column.grants is None:
        return False
    grants = [Grant(Role(role), group) for group, role in column.grants.items()]
    return holds(grants, row.right, GROUPS, ROBOT if row.of_a_robot else None)


def rows(app: FastAPI) -> Iterator[str]:
    """The table's lines."""
    titles = [column.title for column in COLUMNS]
    yield f"| Route | What for | {' | '.join(titles)} |"
    yield "|" + "---|" * (2 + len(titles))
    for route in sorted(every_route(app), key=lambda route: (route.path, route.method)):
        if route.method == "*":
            continue  # the pages' files
        said = route.needs.say if route.needs is not None else ""
        cells = ["yes" if may(column, route) else "no" for column in COLUMNS]
        yield f"| `{route.method} {route.path}` | {said} | {' | '.join(cells)} |"


def roles() -> Iterator[str]:
    """What each role may, and what each right is."""
    yield "| Role | What it is for | Rights |"
    yield "|---|---|---|"
    for role in Role:
        rights = ", ".join(right.value for right in Right if right in RIGHTS[role])
        yield f"| {role.value} | {ROLE_MEANING[role]} | {rights} |"
    yield ""
    for right in Right:
        yield f"- *{right.value}*: {MEANING[right]}"


def app_of(ledger: Ledger) -> FastAPI:
    """The application as `wachhund serve` puts it together."""
    site = site_of("http://localhost")
    reports = Reports(ledger, Ed25519PrivateKey.generate(), ledger.path.parent)
    inner = create_app(ledger, Door(ledger), LiveBoard(), sealer=Sealer(bytes(32)), site=site, reports=reports)._app
    assert isinstance(inner, FastAPI)
    return inner


def drawn() -> str:
    """What stands between the two marks."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder) / "ledger.sqlite")
        try:
            app = app_of(ledger)
            return "\n".join([BEGIN, "", *roles(), "", *rows(app), "", END])
        finally:
            ledger.close()


def written() -> str:
    """The same as docs/roles.md has it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def written_answers() -> dict[tuple[str, str], tuple[bool, ...]]:
    """(method, path) -> what docs/roles.md says for each column."""
    lines = re.findall(r"^\| `([A-Z]+) (\S+)` \|[^|]*\|(.*)\|$", written(), re.MULTILINE)
    return {(method, path): tuple(cell.strip() == "yes" for cell in cells.split("|")) for method, path, cells in lines}


def rewrite() -> None:
    """Put the present table into docs/roles.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.replace(written(), drawn()), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
