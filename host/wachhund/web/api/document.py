"""The OpenAPI document: FastAPI makes it from the routes, here it is told what the routes do not say themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from wachhund import __version__
from wachhund.web.problems import Problem

_ABOUT = (
    "All that Wachhund's pages show. Times are host time in seconds since the epoch (UTC). Texts may have been written "
    "by whoever controls a robot: they are data, never markup. Lists come in parts: ask again with `next` as `cursor`."
)
_TAGS = {
    "host": "Who asks, and the host.",
    "fleet": "Robots, each with its three words: proof, control, coverage.",
    "incidents": "What needs somebody, and what did.",
    "sessions": "The controller ledger: who used which surface, and from where.",
    "authorisations": "What operators allow, and until when.",
    "silences": "What nobody is told of, and until when.",
    "hunts": "Looking back with a rule.",
    "enrolment": "Letting robots in.",
    "acts": "Who did what, when and why.",
    "exports": "Whole lists as files, as filtered.",
    "events": "What happens, as it happens.",
    "evidence": "What robots signed, checked again when it is asked for, and how long it is kept.",
}


def describe(app: FastAPI) -> None:
    """Let the application answer with our document."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]  # the way that FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="Wachhund", version=__version__, description=_ABOUT, routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )  # fmt: skip
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = {
        "login": {
            "type": "apiKey", "in": "cookie", "name": "wachhund_PORT",
            "description": "The cookie of a login at /login; PORT is that of the pages.",
        },
        "token": {"type": "http", "scheme": "bearer", "description": "A person's token, as pages and API take it."},
    }  # fmt: skip
    document["security"] = [{"token": []}, {"login": []}]
    return document
