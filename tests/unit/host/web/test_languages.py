"""The catalogues are whole, their translations are safe, and pages are told in the viewer's language and zone."""

import gettext
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests import catalogues
from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.ledger import Ledger
from wachhund.web import languages
from wachhund.web.languages import ENGLISH, LANGUAGES, asked_for, markup_of
from wachhund.web.paper import make_paper
from wachhund.web.said import say, say_n, spoken
from wachhund.web.viewing import Viewer, look_as, zone_of

TAGS = catalogues.languages()
_PLACE = re.compile(r"%\(\w+\)s")
TODO = "run `python -m tests.catalogues`, fill in what is empty, and run it again (docs/languages.md)"


@pytest.mark.parametrize("tag", TAGS)
def test_every_text_of_the_pages_has_its_translation(tag: str) -> None:
    """A new text fails here, with what to do; a text that is said no more fails too."""
    there, said = catalogues.messages(catalogues.written(tag)), catalogues.said()
    assert sorted(key for key in said if key not in there) == [], TODO
    assert sorted(key for key in there if key not in said) == [], TODO
    for key, message in there.items():
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(strings), f"{key[0]!r} has no translation: {TODO}"
        assert not message.fuzzy, key
        assert (len(said[key]) > 1) is not isinstance(message.string, str), f"{key[0]!r}: plural or none: {TODO}"


@pytest.mark.parametrize("tag", TAGS)
def test_placeholders_and_markup_are_those_of_the_english_text(tag: str) -> None:
    """A value that a translation forgets would be lost; one that it invents would fail on the page."""
    for key, message in catalogues.messages(catalogues.written(tag)).items():
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        english = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in strings:
            assert set(_PLACE.findall(text)) == set(_PLACE.findall(english[-1])), key
            assert markup_of(text) == markup_of(english[0]), key


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_read_is_what_is_written(tag: str) -> None:
    """The compiled file holds the same texts: it was made anew."""
    with (languages.FOLDER / tag / f"{languages.DOMAIN}.mo").open("rb") as file:
        held = vars(gettext.GNUTranslations(file))["_catalog"]
    for (first, context), message in catalogues.messages(catalogues.written(tag)).items():
        key = first if context is None else f"{context}\x04{first}"
        assert (held[key] if isinstance(message.string, str) else held[first, 0]) in (message.string, message.string[0])


def test_a_translation_with_other_markup_is_refused(tmp_path: Path) -> None:
    """A catalogue can't bring a script or a link to a page: the English text stands there instead."""
    from babel.messages.catalog import Catalog

    catalogue = Catalog(locale="de")
    catalogue.add("calm", "<script>alert(1)</script>")
    catalogue.add("<b>to do</b>", "<b>zu tun</b>")
    folder = tmp_path / "de"
    folder.mkdir()
    (folder / "wachhund.mo").write_bytes(catalogues.compiled(catalogue))
    read = languages.load("de", tmp_path)
    assert read.gettext("calm") == "calm" and read.gettext("<b>to do</b>") == "<b>zu tun</b>"


def test_values_in_a_translated_sentence_are_escaped() -> None:
    """Translations are trusted, what robots send is not."""
    paper = make_paper()
    page = paper.from_string(
        '{% trans who=who %}by <bdi>{{ who }}</bdi>{% endtrans %} {{ _("as %(user)s", user=who) }}'
    )
    assert "<script>" not in page.render(who="<script>")
    assert page.render(who="<script>").count("&lt;script&gt;") == 2


@pytest.mark.parametrize(
    ("header", "tag"),
    [("", "en"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr, de;q=0.3, en;q=0.2", "de"), ("en, de;q=0.9", "en"),
     ("de;q=0", "en"), ("zh-TW, de;q=0.5", "de"), ("zh-CN,en;q=0.5", "zh-Hans"),
     ("xx", "en"), ("de;q=abc", "en"), ("," * 5000, "en")],
)  # fmt: skip
def test_the_browser_asks_for_a_language(header: str, tag: str) -> None:
    """The best that we have of what it wants; nonsense is English."""
    assert asked_for(header).tag == tag


def test_a_sentence_is_english_where_it_is_kept_and_the_viewers_where_it_is_told() -> None:
    """What is compared, searched and given to programs does not change with who looks."""
    sentence, count = say("proof is %(proof)s: %(reason)s", proof="late", reason=say("cannot be known")), say_n(
        "%(n)s open incident", "%(n)s open incidents", 2)  # fmt: skip
    look_as(Viewer(LANGUAGES["de"]))
    try:
        assert (
            sentence == "proof is late: cannot be known" and spoken(sentence) == "der Beleg ist late: nicht zu wissen"
        )
        assert count == "2 open incidents" and spoken(count) == "2 offene Vorfälle"
    finally:
        look_as(Viewer(ENGLISH))


def test_a_german_browser_gets_german_pages_and_what_is_kept_stays_english(
    operator: TestClient, ledger: Ledger, player: Player
) -> None:
    """And the page says once what stays English, and why."""
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session])], [session])
    answer = operator.get("/robots/go1-07", headers={"accept-language": "de"})
    assert answer.headers["content-language"] == "de" and "Accept-Language" in answer.headers["vary"]
    assert '<html lang="de">' in answer.text and "NICHT ERLAUBT" in answer.text and "Offene Vorfälle" in answer.text
    assert "Remote control not allowed" in answer.text and "wird nicht übersetzt" in answer.text
    assert operator.get("/api/v1/robots", headers={"accept-language": "de"}).json() is not None
    assert '<html lang="en">' in operator.get("/robots/go1-07").text


def test_a_persons_choice_goes_before_the_browsers(operator: TestClient) -> None:
    """Language and zone; what is no zone is told, and nothing is kept."""
    assert operator.post("/settings/me/words", data={"language": "de", "zone": "Asia/Kolkata"}).status_code == 303
    page = operator.get("/settings/me", headers={"accept-language": "en"}).text
    assert '<html lang="de">' in page and "UTC+5:30" in page
    refused = operator.post("/settings/me/words", data={"zone": "../../etc/passwd"})
    assert refused.status_code == 422 and "Zeitzone" in refused.text
    assert zone_of("../../etc/passwd") is None


def test_the_browsers_zone_is_a_cookie_and_utc_without_it(operator: TestClient, player: Player) -> None:
    """Any text may stand in a cookie: it is looked up, and nothing else."""
    assert "UTC+" not in operator.get("/robots/go1-07").text
    operator.cookies.set("wachhund_zone", "Asia/Tokyo")
    assert "UTC+9" in operator.get("/robots/go1-07").text
    operator.cookies.set("wachhund_zone", "<script>")
    assert "UTC+" not in operator.get("/robots/go1-07").text
