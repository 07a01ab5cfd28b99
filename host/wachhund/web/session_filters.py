"""Which sessions a page's address asks for: the moment, the filters with NOT, the grouping. Pure; the URL is the state.

`robot=go1-07&not-user=pi&at=2026-08-01T14:30`: what is given several times is one of these, or none of these. A value
may be empty: nothing is known of it. Values are compared, and shown as text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from wachhund.keeping.moments import parse_moment
from wachhund.ledger.session_keys import ALLOWED, MAX_KEY_CHARS, NOT_ALLOWED, UNKNOWN
from wachhund.ledger.session_search import GROUPS
from wachhund.web.said import say
from wachhund_evidence import MisuseError

FIELDS = ("robot", "surface", "origin", "carrier", "user", "allowed")
VERDICTS: Mapping[str, int] = {"no": NOT_ALLOWED, "unknown": UNKNOWN, "yes": ALLOWED}
LIST = "none"  # no groups
MAX_FILTERS = 20
MAX_PAGE = 10_000
NOW, AT, BETWEEN = "now", "at", "between"


@dataclass(frozen=True)
class Pill:
    """One filter. `value` is as it is compared: it may be a robot's text."""

    field: str
    value: str
    excludes: bool = False

    @property
    def name(self) -> str:
        """As it stands in an address."""
        return f"not-{self.field}" if self.excludes else self.field


@dataclass(frozen=True)
class Asked:
    """What is asked for. `at`, `from_` and `to` as they were typed, empty: not given. `group`: empty: not chosen."""

    pills: tuple[Pill, ...] = ()
    at: str = ""
    from_: str = ""
    to: str = ""
    group: str = ""
    page: int = 1
    open: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    def problem(self, name: str) -> str:
        """What is wrong with what was typed there; empty when nothing is."""
        return self.problems.get(name, "")

    @property
    def tense(self) -> str:
        """Now, at a moment, or between two."""
        return AT if self.at else BETWEEN if self.from_ or self.to else NOW

    def query(self, **changed: object) -> str:
        """The address's query, with some of it changed; a page is given up unless it is said."""
        one = replace(self, **{"page": 1, "open": "", **changed})  # type: ignore[arg-type]
        parts: list[tuple[str, str]] = [(pill.name, pill.value) for pill in one.pills]
        named = (("at", one.at), ("from", one.from_), ("to", one.to), ("group", one.group), ("open", one.open))
        parts += [(name, value) for name, value in named if value]
        if one.page > 1:
            parts.append(("page", str(one.page)))
        return urlencode(parts)

    def with_pill(self, pill: Pill, **changed: object) -> str:
        """The query with one filter more."""
        return self.query(pills=tuple(dict.fromkeys((*self.pills, pill))), **changed)

    def without(self, pill: Pill) -> str:
        """The query with one filter dropped."""
        return self.query(pills=tuple(one for one in self.pills if one != pill))

    def values(self, name: str, excludes: bool) -> frozenset[str]:
        """What is demanded, or excluded, of a field."""
        return frozenset(pill.value for pill in self.pills if pill.field == name and pill.excludes is excludes)

    def span(self, now: float) -> tuple[float, float] | None:
        """The time that is meant, host time; None for now. Problems are told by `problems`."""
        if self.tense == NOW or self.problems:
            return None
        if self.tense == AT:
            moment = parse_moment(self.at, AT)
            return moment, moment
        return (
            parse_moment(self.from_, "from") if self.from_ else 0.0,
            parse_moment(self.to, "to") if self.to else now,
        )


def read(query: str, now: float) -> Asked:
    """What an address asks for. What is not understood stands in `problems`, by its field; nothing is left out."""
    try:
        parts = parse_qsl(query, keep_blank_values=True, max_num_fields=60)
    except ValueError:
        return Asked(problems={"filter": say("the address is too long: begin anew")})
    last = dict(parts)
    pills = tuple(dict.fromkeys(_pills(parts)))
    problems: dict[str, str] = {}
    if len(pills) > MAX_FILTERS:
        problems["filter"] = say("at most %(most)s filters: drop some", most=MAX_FILTERS)
    texts = {name: last.get(name, "").strip()[:40] for name in ("at", "from", "to")}
    group, page = last.get("group", ""), last.get("page", "")
    asked = Asked(
        pills[:MAX_FILTERS], texts["at"], texts["from"], texts["to"], group if group in (*GROUPS, LIST) else "",
        min(int(page), MAX_PAGE) if page.isascii() and page.isdecimal() and int(page) else 1,
        last.get("open", "")[:MAX_KEY_CHARS],
    )  # fmt: skip
    return replace(asked, problems={**problems, **_wrong_times(asked, now), **_wrong_words(pills)})


def _pills(parts: Iterable[tuple[str, str]]) -> Iterable[Pill]:
    for name, value in parts:
        about = name.removeprefix("not-")
        if about in FIELDS:
            yield Pill(about, value[:MAX_KEY_CHARS], about != name)


def _wrong_words(pills: Sequence[Pill]) -> dict[str, str]:
    wrong = next((pill for pill in pills if pill.field == "allowed" and pill.value not in VERDICTS), None)
    return {} if wrong is None else {"filter": say("allowed is one of %(words)s", words=", ".join(VERDICTS))}


def _wrong_times(asked: Asked, now: float) -> dict[str, str]:
    found: dict[str, str] = {}
    moments: dict[str, float] = {}
    for name, text in (("at", asked.at), ("from", asked.from_), ("to", asked.to)):
        if not text:
            continue
        try:
            moments[name] = parse_moment(text, name)
        except MisuseError:
            found[name] = say("give a time (UTC) such as 2026-08-01T14:30")
            continue
        if moments[name] > now + 1 and name != "to":
            found[name] = say("has not come yet: give a time before now")
    if "from" in moments and "to" in moments and moments["to"] < moments["from"]:
        found["to"] = say("is before the beginning: give a later one")
    return found
