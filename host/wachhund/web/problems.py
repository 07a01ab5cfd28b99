"""Errors for programs: problem details (RFC 9457), each with an id to quote to whoever looks into the host's log."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
# Where programs ask, so where they get problems and not pages.
_FOR_PROGRAMS = ("/api/", "/live/", "/streams")
_MAX_DETAIL_CHARACTERS = 500

_log = logging.getLogger(__name__)


class Fault(BaseModel):
    """One part of a request that is not as it should be."""

    where: str = Field(description="Its place: query, path or body, then the name.", examples=["query.limit"])
    what: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """What failed (RFC 9457). `type` is always `about:blank`: the status says what kind of problem it is."""

    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What failed, and what to do.", examples=["no robot of that name or id"])
    id: str = Field(description="To be quoted; of a failure of the host it stands in its log.", examples=["5f2a90c1"])
    errors: list[Fault] = Field(default=[], description="Every part of the request that is wrong, where that is it.")


def is_for_programs(path: str) -> bool:
    """Whether who asks there reads JSON."""
    return path.startswith(_FOR_PROGRAMS) or path in ("/api", "/metrics", "/healthz")


def problem(
    status: int, detail: str, *, number: str | None = None, errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """The answer. `number`: the id to quote, where one stands in the log already."""
    number = number or secrets.token_hex(4)
    _log.debug("web: answered %d (id %s): %s", status, number, detail)
    made = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail[:_MAX_DETAIL_CHARACTERS], id=number,
        errors=list(errors),
    )  # fmt: skip
    return Response(made.model_dump_json(), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))
