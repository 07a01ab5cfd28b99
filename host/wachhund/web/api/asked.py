"""What may be asked of each list: the names are those of the pages' URLs. What is not known is refused, not ignored.

A filter that was mistyped and ignored would show everything, and read as if nothing had been filtered out.
"""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from wachhund.web.api.cursors import MAX_CHARACTERS

MAX_ROWS = 200
_LAST_T = 253_402_300_799.0  # the end of 9999

Robot = Annotated[
    str, Path(min_length=1, max_length=64, description="A robot's name, or its id (which a name with a / needs).")
]
Identity = Annotated[str, Path(min_length=1, max_length=100)]
Moment = Annotated[float, Field(ge=0, le=_LAST_T, allow_inf_nan=False)]


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


class IncidentFilters(Filters):
    """As the Incidents page's URL has it."""

    state: Literal["open", "acknowledged", "closed"] | None = None
    level: Literal["critical", "high", "medium", "low", "informational"] | None = None
    robot: str | None = Field(default=None, min_length=1, max_length=64, description="Name or id.")


class SessionFilters(Filters):
    """Of the controller ledger."""

    state: Literal["open", "ended"] | None = None
    robot: str | None = Field(default=None, min_length=1, max_length=64, description="Name or id.")
    surface: str | None = Field(default=None, min_length=1, max_length=64)
    carrier: str | None = Field(default=None, min_length=1, max_length=64)
    at: Moment | None = Field(default=None, description="Open at that time (seconds since the epoch, host time).")


class FleetAsked(FleetFilters, Part):
    """A part of the fleet."""


class IncidentsAsked(IncidentFilters, Part):
    """A part of the incidents."""


class SessionsAsked(SessionFilters, Part):
    """A part of the sessions."""
