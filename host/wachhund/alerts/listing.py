"""Lists of incidents as people ask for them: a tab, filters with NOT, an order, a page. Pages, API and CLI alike."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from wachhund.alerts.life import CAME_BACK, NEEDS_SOMEBODY
from wachhund.alerts.looks import LEVELS
from wachhund.alerts.ringing import Held, Ringing, ringing, silenced
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import ACKNOWLEDGED, CLOSED
from wachhund.ledger.incident_rows import GRAVEST, NEWEST, OLDEST, Choice, Chosen, IncidentRow
from wachhund.ledger.silence_records import Silence
from wachhund_evidence import MisuseError

ROWS_A_PAGE = 100
MAX_PAGE = 10_000
NEEDS, TAB_ACKNOWLEDGED, TAB_CAME_BACK, TAB_CLOSED = "needs-you", "acknowledged", "came-back", "closed"
TABS = (NEEDS, TAB_ACKNOWLEDGED, TAB_CAME_BACK, TAB_CLOSED)
# What came back needs somebody too, and stands in both.
_STATES_OF_TAB = {
    NEEDS: NEEDS_SOMEBODY, TAB_ACKNOWLEDGED: {ACKNOWLEDGED}, TAB_CAME_BACK: {CAME_BACK}, TAB_CLOSED: {CLOSED},
}  # fmt: skip
SORTS = (GRAVEST, NEWEST, OLDEST)
FIELDS = ("level", "robot", "surface", "kind", "assignee")
WORD = "word"  # a word of the title
MAX_Q_CHARS = 400
_TERM = re.compile(r'(-?)(?:([a-z]+):)?(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True)
class Asked:
    """What somebody asks for. `terms`: (field of FIELDS or WORD, value); a value that begins with `-` excludes."""

    tab: str = NEEDS
    terms: tuple[tuple[str, str], ...] = ()
    sort: str = GRAVEST
    page: int = 1

    @property
    def q(self) -> str:
        """The terms as one types them."""
        return q_of(self.terms)


@dataclass(frozen=True)
class Entry:
    """One row. `tag`: the silence or maintenance that covers it, whether it holds it back or something else does."""

    row: IncidentRow
    ringing: Ringing
    tag: Held | None


@dataclass(frozen=True)
class Listing:
    """One page of a list. `counts`: of all tabs, under the same filters; `found`: on all pages of this tab."""

    entries: tuple[Entry, ...]
    counts: Mapping[str, int]
    found: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS_A_PAGE))


def asked(tab: str = NEEDS, q: str = "", sort: str = "", page: int = 1) -> Asked:
    """What is typed, checked. Raises MisuseError, which names what is wrong."""
    if tab not in TABS:
        raise MisuseError(f"tab: {tab!r}: one of {', '.join(TABS)}")
    if sort and sort not in SORTS:
        raise MisuseError(f"sort: {sort!r}: one of {', '.join(SORTS)}")
    return Asked(tab, terms_of(q), sort or (NEWEST if tab == TAB_CLOSED else GRAVEST), max(1, min(page, MAX_PAGE)))


def terms_of(q: str) -> tuple[tuple[str, str], ...]:
    """`level:critical -robot:go1-07 "two words"` as terms. Raises MisuseError."""
    if len(q) > MAX_Q_CHARS:
        raise MisuseError(f"filter: at most {MAX_Q_CHARS} characters")
    found = []
    for sign, field, quoted, bare in _TERM.findall(q):
        if field and field not in FIELDS:
            raise MisuseError(f"filter: {field!r}: one of {', '.join(FIELDS)}, or words of the title")
        value = quoted or bare.strip('"')
        if value:
            found.append((field or WORD, f"-{value}" if sign else value))
    return tuple(dict.fromkeys(found))


def q_of(terms: Iterable[tuple[str, str]]) -> str:
    """The inverse of `terms_of`."""
    told = []
    for field, value in terms:
        bare = value.removeprefix("-")
        text = f'"{bare}"' if " " in bare or ":" in bare else bare
        told.append(f"{'-' if value.startswith('-') else ''}{'' if field == WORD else f'{field}:'}{text}")
    return " ".join(told)


def listing(ledger: Ledger, wanted: Asked, now: float, names: Mapping[str, str]) -> Listing:
    """One page. `names`: of robots, by id. Raises LedgerError."""
    last = wanted.page * ROWS_A_PAGE if wanted.tab == TAB_CLOSED else 0
    mine, counts = _of_the_tab(ledger, wanted, now, names, last)
    found = counts[wanted.tab]
    page = max(1, min(wanted.page, -(-found // ROWS_A_PAGE)))
    return Listing(tuple(mine[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]), counts, found, page)


def whole(
    ledger: Ledger, wanted: Asked, now: float, names: Mapping[str, str], most: int
) -> tuple[int, Sequence[Entry]]:
    """How many rows the tab has, and all of them, `most` at most: for a file, in the order of its pages."""
    mine, counts = _of_the_tab(ledger, wanted, now, names, most if wanted.tab == TAB_CLOSED else 0)
    return counts[wanted.tab], mine[:most]


def _of_the_tab(
    ledger: Ledger, wanted: Asked, now: float, names: Mapping[str, str], last: int
) -> tuple[Sequence[Entry], Mapping[str, int]]:
    """The tab's rows in order (of those that are over, the first `last`), and the counts of all tabs."""
    chosen = _chosen(wanted.terms, names)
    silences = ledger.silencing.valid(now)
    entries = [entry_of(row, silences, now) for row in ledger.handling.unsettled(chosen, wanted.sort)]
    over, counted = ledger.handling.settled(chosen, wanted.sort, last)
    counts = {
        tab: sum(entry.ringing.standing.state in states for entry in entries) for tab, states in _STATES_OF_TAB.items()
    }
    counts[TAB_CLOSED] += counted
    mine = [entry for entry in entries if entry.ringing.standing.state in _STATES_OF_TAB[wanted.tab]]
    if wanted.tab == TAB_CLOSED:
        mine = sorted([*mine, *(entry_of(row, silences, now) for row in over)], key=_order(wanted.sort))
    return mine, counts


def entry_of(row: IncidentRow, silences: Sequence[Silence], now: float) -> Entry:
    """A row with where it stands."""
    return Entry(row, ringing(row.incident, row.life, silences, now), silenced(row.incident, silences, now))


def _chosen(terms: Iterable[tuple[str, str]], names: Mapping[str, str]) -> Chosen:
    ids = {name: identity for identity, name in names.items()}
    by_field: dict[str, list[str]] = {field: [] for field in (*FIELDS, WORD)}
    for field, value in terms:
        by_field[field].append(value)
    choices = {field: _choice(values, ids if field == "robot" else {}) for field, values in by_field.items()}
    return Chosen(
        levels=choices["level"], robots=choices["robot"], surfaces=choices["surface"], kinds=choices["kind"],
        assignees=choices["assignee"], words=choices[WORD],
    )  # fmt: skip


def _choice(values: Sequence[str], known: Mapping[str, str]) -> Choice:
    wanted = tuple(known.get(value, value) for value in values if not value.startswith("-"))
    unwanted = tuple(known.get(value[1:], value[1:]) for value in values if value.startswith("-"))
    return Choice(wanted, unwanted)


def _order(sort: str) -> Callable[[Entry], tuple[object, ...]]:
    def key(entry: Entry) -> tuple[object, ...]:
        told = entry.row.incident
        if sort == OLDEST:
            return (told["first_t"], told["id"])
        level = told["level"]
        rank = -LEVELS.index(level) if level in LEVELS else 1
        return (rank if sort == GRAVEST else 0, -told["last_t"], told["id"])

    return key
