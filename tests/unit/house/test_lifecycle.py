"""docs/lifecycle.svg shows the tables that the code runs on, whole, and as they are now."""

import xml.etree.ElementTree

from tests import lifecycle_picture
from wachhund.ledger.roll import ACTIVE, INVITED, LIFECYCLE, NEW, RETIRED, REVOKED
from wachhund.web.standing import PROOF


def test_the_picture_of_the_lifecycle_is_not_stale() -> None:
    written = lifecycle_picture.DOCUMENT.read_text(encoding="utf-8")
    assert written == lifecycle_picture.rendered(), "python -m tests.lifecycle_picture"


def test_every_state_every_act_and_every_word_is_in_it() -> None:
    """A state that nobody placed would be missing without a word."""
    states = {state for step in LIFECYCLE.values() for state in (*step.before, step.after) if state is not None}
    assert states == set(lifecycle_picture.PLACES) == {INVITED, NEW, ACTIVE, REVOKED, RETIRED}
    drawn = [(start, end, act) for (start, end), acts in lifecycle_picture.arrows().items() for act in acts]
    assert sorted(drawn) == sorted(
        (state, step.lead(state), act) for act, step in LIFECYCLE.items() for state in step.before
    )
    picture = xml.etree.ElementTree.fromstring(lifecycle_picture.rendered())
    texts = [element.text for element in picture.iter() if element.tag.endswith("}text")]
    assert {word.word for word in PROOF} | states <= set(texts)
    assert all(step.meaning in texts for step in LIFECYCLE.values())
