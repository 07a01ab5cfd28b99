"""What every act of the API has in common: a body of which nothing is ignored, and how a refusal is told."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from wachhund.authorise.drawing_up import Unfit
from wachhund.web.problems import MEDIA_TYPE, Fault, problem
from wachhund_evidence import MisuseError

# For the routes that may say so.
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "description": "It became another than was seen, or is over. Nothing was changed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


Reason = Annotated[str, Field(min_length=1, max_length=500, description="It stays on record.")]


class Body(BaseModel):
    """A request's body: what is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Why(Body):
    """The end of something that was made here."""

    why: Reason


def unfit(error: MisuseError) -> Response:
    """What was said is of no use: each part, where it is known which."""
    fields = error.fields if isinstance(error, Unfit) else {}
    return problem(422, str(error), errors=[Fault(where=f"body.{name}", what=what) for name, what in fields.items()])
