"""How a page is written: one Jinja environment, everything escaped, an unknown name is an error, not an empty place."""

import json
import shlex
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from wachhund import __version__, assurance
from wachhund.web import moments
from wachhund.web.live_page import NOTHING_LIVE, LivePage, with_host_faults
from wachhund.web.robot_text import clipped, robot_text, visible
from wachhund.web.said import Said, decimal, say, spoken, term
from wachhund.web.viewing import viewer


def _segment(value: object) -> str:
    """One path segment of a URL."""
    return quote(str(value), safe="")


def _volume(count: object) -> str:
    """Bytes as people read them; what was not counted stays a dash."""
    if not isinstance(count, (int, float)) or isinstance(count, bool):
        return "–"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{decimal(size, 0 if unit == 'B' or size >= 100 else 1)} {unit}"
        size /= 1000
    return f"{decimal(size, 1)} TB"


def endpoint(value: object) -> str | None:
    """`address:port` of an [address, port] pair; whatever else a robot sent is shown as it is."""
    if isinstance(value, list) and len(value) == 2:
        address = str(value[0])
        return f"[{address}]:{value[1]}" if ":" in address else f"{address}:{value[1]}"
    return None if value is None else str(value)


def arguments(value: object) -> str | None:
    """Arguments as a line that shows where each begins and ends."""
    if isinstance(value, list):
        return " ".join(shlex.quote(str(item)) for item in value)
    return None if value is None else str(value)


def _compact(fields: Mapping[str, Any]) -> str:
    """Fields of an observation in one line, what is not known left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, separators=(", ", ": "))


# What `{% trans %}` becomes. A translation is text of ours and may hold the markup of its English text (languages.py);
# values are escaped, unless they are markup already. Only blocks come here: `_("...")` gives text, and is escaped.
def _block(message: str, /, **values: Any) -> Markup:
    text = viewer().language.catalogue.gettext(message)
    return Markup(text) % {name: spoken(value) for name, value in values.items()}  # noqa: S704  (see above)


def _block_n(one: str, many: str, n: int, /, **values: Any) -> Markup:
    text = viewer().language.catalogue.ngettext(one, many, n)
    return Markup(text) % {name: spoken(value) for name, value in values.items()}  # noqa: S704  (see above)


def _text(message: str, /, **values: Any) -> Said:
    return say(message, **values)


def _may(asker: Any, right: str, robot: str | None = None) -> bool:
    """What `may("act", robot.name)` says in a template: an act that a person may not do is not offered to them."""
    return asker is not None and bool(asker.may(right, robot))


def make_paper() -> jinja2.Environment:
    """The environment of all pages. Its filters are the only ways in which a robot's text reaches a page."""
    paper = jinja2.Environment(
        loader=jinja2.PackageLoader("wachhund.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=spoken,
    )
    paper.policies["ext.i18n.trimmed"] = True
    paper.newstyle_gettext = True  # type: ignore[attr-defined]  # set by the extension: `extend` would leave it as it is
    paper.globals.update(gettext=_block, ngettext=_block_n, _=_text)
    paper.filters.update(
        robot_text=robot_text, visible=visible, clipped=clipped, segment=_segment, volume=_volume, span=moments.span,
        endpoint=endpoint, arguments=arguments, compact=_compact, term=term,
    )  # fmt: skip
    paper.globals.update(version=__version__, assurance=assurance)
    return paper


_PAPER = make_paper()


def render(
    request: Request, template: str, *, status: int = 200, live: LivePage = NOTHING_LIVE, **facts: Any
) -> HTMLResponse:
    """A page. `live`: what of it goes on changing. Times are told as of one moment, `now` (host time)."""
    now = facts.pop("now", None) or time.time()
    live = with_host_faults(live, request.app.state.faults())
    if live.address:
        request.app.state.board.remember(live)
    language = viewer().language
    page: Mapping[str, Any] = {
        "language": language,
        "viewer": viewer(),
        "script_words": json.dumps(dict(language.script_texts), ensure_ascii=False),
        "now": now,
        "live": live,
        "operator": getattr(request.state, "operator", None),
        "may": partial(_may, getattr(request.state, "asker", None)),
        "path": request.url.path,
        "at": partial(moments.moment, now=now),
        "clock": partial(moments.clock, now=now),
        "ago": partial(moments.ago, now=now),
        "live_id": live.id,
        **facts,
    }
    headers = {"content-language": language.tag, "vary": "Accept-Language, Cookie"}
    return HTMLResponse(_PAPER.get_template(template).render(page), status_code=status, headers=headers)
