"""What may be asked of each list: the names are those of the pages' URLs. What is not known is refused, not ignored.

A filter that was mistyped and ignored would show everything, and read as if nothing had been filtered out.
"""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from wachhund.ledger.session_keys import MAX_KEY_CHARS
from wachhund.web.api.cursors import MAX_CHARACTERS
from wachhund.web.session_filters import MAX_FILTERS

MAX_ROWS = 200

Robot = Annotated[
    str, Path(min_length=1, max_length=64, description="A robot's name, or its id (which a name with a / needs).")
]
Identity = Annotated[str, Path(min_length=1, max_length=100)]


class Filters(BaseModel):
    """What every list's filters have in common: nothing that is not known."""

    model_config = ConfigDict(extra="forbid")


class Part(BaseModel):
    """Which part of a list."""

    limit: int = Field(default=100, ge=1, le=MAX_ROWS, description="Rows at most.")
    cursor: str | None = Field(
        default=None, min_length=1, max_length=MAX_CHARACTERS, description="`next` of the part before this one."
    )


class FleetFilters(Filters):
    """As the Fleet page's URL has it."""

    q: str = Field(
        default="", max_length=200, description='Words of the search: name, verified, -late, "not allowed", incident.'
    )


class ReportFilters(Filters):
    """As the Reports page's URL has it."""

    robot: str | None = Field(default=None, min_length=1, max_length=64, description="Name or id.")


class IncidentFilters(Filters):
    """As the Incidents page's URL has it."""

    state: Literal["open", "acknowledged", "closed"] | None = None
    level: Literal["critical", "high", "medium", "low", "informational"] | None = None
    robot: str | None = Field(default=None, min_length=1, max_length=64, description="Name or id.")


Values = Annotated[list[Annotated[str, Field(max_length=MAX_KEY_CHARS)]], Field(max_length=MAX_FILTERS)]
TimeText = Annotated[str, Field(min_length=1, max_length=40, examples=["2026-08-01T14:30"])]


class SessionFilters(Filters):
    """As the Sessions page's URL has it: given several times it is one of these, with `not-` none of these.

    Without a time: those that go on now.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    robot: Values = []
    surface: Values = []
    origin: Values = Field(default=[], description="The outside address.")
    carrier: Values = []
    user: Values = []
    allowed: list[Literal["no", "unknown", "yes"]] = []
    not_robot: Values = Field(default=[], alias="not-robot")
    not_surface: Values = Field(default=[], alias="not-surface")
    not_origin: Values = Field(default=[], alias="not-origin")
    not_carrier: Values = Field(default=[], alias="not-carrier")
    not_user: Values = Field(default=[], alias="not-user")
    not_allowed: list[Literal["no", "unknown", "yes"]] = Field(default=[], alias="not-allowed")
    at: TimeText | None = Field(default=None, description="Open at that time (UTC).")
    since: TimeText | None = Field(default=None, alias="from", description="Open at some time after that (UTC).")
    until: TimeText | None = Field(default=None, alias="to", description="And before that (UTC).")


class FleetAsked(FleetFilters, Part):
    """A part of the fleet."""


class IncidentsAsked(IncidentFilters, Part):
    """A part of the incidents."""


class SessionsAsked(SessionFilters, Part):
    """A part of the sessions."""


class CampaignsAsked(Filters, Part):
    """A part of the campaigns."""


class ReportsAsked(ReportFilters, Part):
    """A part of the reports."""
