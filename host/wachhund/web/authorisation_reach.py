"""What an authorisation would cover, as it is shown before anything is kept; and the seal that it was shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.authorise import overlapping
from wachhund.authorise.drafting import wide_in
from wachhund.authorise.preview import Preview, preview
from wachhund.ledger import Authorisation, Ledger
from wachhund.web import authorisation_form
from wachhund.web.authorisation_form import Filled
from wachhund.web.robot_view import session_card

_SHOWN = 20  # sessions


@dataclass(frozen=True)
class Reach:
    """`found`: sessions and incidents that it covers. `cards`: the first of these sessions, each with its robot's name.
    `warnings`: what is wide in it. `beside`: others that allow a part of the same. `seal`: lets exactly this be kept.
    """

    found: Preview
    cards: list[tuple[str, Any]]
    warnings: tuple[str, ...]
    beside: tuple[Authorisation, ...]
    seal: str


def reach_of(
    ledger: Ledger, one: Authorisation, filled: Filled, who: str, names: Mapping[str, str], now: float, seal_key: bytes
) -> Reach:  # fmt: skip
    """`one`: what `filled` was drawn up to. `who`: the person that it is shown to. `names`: of robots by id.

    `seal_key`: that of these pages.
    """
    found = preview(ledger, one, now)
    cards = [(names.get(str(session["robot"]), "?"), session_card(session)) for session in found.now[:_SHOWN]]
    beside = overlapping.beside(one, ledger.authorisations.all(), now)
    sealed = authorisation_form.seal(seal_key, filled, who, len(found.now))
    return Reach(found, cards, tuple(wide_in(one)), tuple(beside), sealed)
