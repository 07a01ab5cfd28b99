"""2,000 hostile texts through every field of observations, sessions and incidents, to every page, answer and export.

A page is compared with the same page over harmless text: where a robot's text is shown, nothing stands but text and the
marks of its codes; everywhere else each element and attribute is the same. So no text became an element, by any way.
"""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Stage, Tab
from tests.browser.hostile import MARK, texts
from tests.browser.scenery import acted, addresses, known, newest_campaign
from tests.unit.host.web.stage import SEEING
from wachhund.alerts.campaign_watch import CampaignWatch

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]
SEED, BATCH = 8, 100
SHOWN_OF_A_TOKEN = 200  # the page of a token shows so many observations

# What a page is made of outside of a robot's texts: [path of the element, names of its attributes].
OUTLINE = """() => [...document.querySelectorAll('body *')]
    .filter((e) => !e.parentElement.closest('bdi, details.long, svg'))
    .map((e) => e.matches('bdi, details.long') ? 'robot text' : [e.tagName, e.id.replace(/[0-9]+/g, 'N'),
        [...e.attributes].map((a) => a.name).sort().join()].join(' '))"""
INSIDE = """() => [...new Set([...document.querySelectorAll('bdi *, details.long *, svg *')].filter((e) =>
    e.closest('svg') ? !e.matches('rect, path, line, g, text, tspan, title, desc, defs, pattern, marker')
        || [...e.attributes].some((a) => a.name.startsWith('on')
        || (a.name.endsWith('href') && !a.value.startsWith('#')))
    : !e.matches('bdi, details.long > summary, span.code, span.more, span[data-slot]'))
    .map((e) => e.outerHTML.slice(0, 200)))]"""
OF_PICTURES = """() => [...new Set([...document.querySelectorAll('svg *')].map((e) => e.tagName + ' ' +
    [...e.attributes].map((a) => a.name).filter((n) => n.startsWith('on') || n.endsWith('href')).join()))].sort()"""
TURNED = r"""() => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/
    .test(document.body.textContent)"""


def hop_fields(text: Iterator[str]) -> list[dict[str, Any]]:
    """A path that holds a text in each field that a hop has, and a hop of a kind that nobody knows."""
    fields: dict[str, tuple[str, ...]] = {
        "address": ("address", "port"), "process": ("role", "exe", "user", "pid", "tool"), "loopback": (),
        "link": ("name", "kind", "address"), "service": ("name", "port"), "user": ("user",),
    }  # fmt: skip
    path: list[dict[str, Any]] = [
        {"hop": kind, **{name: next(text) for name in names}} for kind, names in fields.items()
    ]
    return [*path, {"hop": next(text), next(text): next(text)}]


def play(stage: Stage, batch: list[str], number: int) -> None:
    """One batch in every field: a token of 100 observations, and an incident with a session."""
    player, around = stage.player, iter(batch * 8)
    kinds = (
        "process.start",
        "flow.open",
        "listen.open",
        "login.start",
        "camera.open",
        "link.up",
        "agent.start",
        "x.new",
    )
    seen = []
    for place, text in enumerate(batch):
        fields = {
            "exe": text,
            "argv": [text, text],
            "user": text,
            "why": text,
            "name": text,
            text[:200]: {"deep": [text]},
        }
        seen.append(player.seen(kinds[place % len(kinds)], **fields))
    looking = player.looking(relay={**SEEING["relay"], "state": "blind", "source": batch[0], "why": batch[1]})
    player.say(looking, *seen[: SHOWN_OF_A_TOKEN - 1])
    session = player.session(f"s{number}", origin=hop_fields(around), user=next(around), incident=f"i{number}",
                             surface=next(around), carrier=next(around))  # fmt: skip
    incident = player.incident(
        f"i{number}", sessions=[session], title=batch[number % BATCH], story=batch, advice=batch, unknown=batch,
        rules=batch[:20], attack=batch[20:30], surface=next(around),
        evidence=[{"chain": player.chain, "seq": player.seq, "items": [1]}],
    )  # fmt: skip
    stage.ledger.save_judgement(number, [incident], [session, *on_three_robots(stage, batch, number)])
    CampaignWatch(stage.ledger).look()


def on_three_robots(stage: Stage, batch: list[str], number: int) -> list[dict[str, Any]]:
    """A campaign: somebody of one address, behind which a robot writes what it likes, in a tunnel of any name."""
    now, robots = time.time(), (stage.player.robot.id, "go1-31", "go1-32")
    return [
        {**stage.player.session(f"c{number}-{place}", origin=[{"hop": "address", "address": f"10.9.0.4%{text}"}]),
         "robot": robots[place % 3], "first_t": now - 60 + place / BATCH, "last_t": now + number, "carrier": "tunnel",
         "tunnel": batch[number % BATCH], "surface": text, "incident": f"i{number}"}
        for place, text in enumerate(batch)
    ]  # fmt: skip


def batches() -> list[list[str]]:
    all_of_them = texts(SEED)
    assert len(all_of_them) == 2_000 and all(MARK in text for text in all_of_them if len(text) > 40)
    return [all_of_them[first : first + BATCH] for first in range(0, len(all_of_them), BATCH)]


def look(page: Any, address: str) -> tuple[list[str], list[str]]:
    page.goto(address)
    return page.evaluate(OUTLINE), page.evaluate(OF_PICTURES)


def test_no_text_becomes_anything_but_text_in_a_real_browser(tab: Tab, stage: Stage, tmp_path: Path) -> None:
    page, asked = tab.page, []
    page.on("request", lambda request: asked.append(request.url))
    plain = [MARK] * BATCH
    play(stage, plain, 1)
    harmless = {address: look(page, stage.page + address) for address in places(stage, 1)}
    assert MARK in page.inner_text("h1") and page.inner_text("main").count(MARK) > BATCH
    for number, batch in enumerate(batches(), start=2):
        play(stage, batch, number)
        for first, address in zip(harmless, places(stage, number), strict=True):
            outline, pictures = look(page, stage.page + address)
            assert outline == harmless[first][0], f"{address}: batch {number}"
            assert pictures == harmless[first][1], f"{address}: batch {number}"
            assert page.evaluate(INSIDE) == [] and not page.evaluate(TURNED), f"{address}: batch {number}"
            assert page.evaluate(f"window.{MARK} === undefined && document.getElementById('{MARK}') === null")
        assert tab.complaints == []
    acted(stage)
    for address in addresses(stage):
        if "text/html" in tab.context.request.get(stage.page + address).headers.get("content-type", ""):
            page.goto(stage.page + address)
            assert page.evaluate(INSIDE) == [] and not page.evaluate(TURNED), address
            assert MARK not in urlsplit(page.url).path and tab.complaints == [], address
    assert [url for url in asked if not url.startswith(f"{stage.page}/")] == []
    report = tmp_path / "report.html"
    report.write_bytes(tab.context.request.get(f"{stage.page}/reports/{known(stage)['report']}/html").body())
    page.goto(report.as_uri())
    assert MARK in page.inner_text("main") and page.evaluate(INSIDE) == [] and not page.evaluate(TURNED)
    assert page.evaluate(f"window.{MARK} === undefined && document.getElementById('{MARK}') === null")


def places(stage: Stage, number: int) -> list[str]:
    """The pages that a batch fills."""
    evidence = f"/evidence/go1-07/{stage.player.chain}/{stage.player.seq}"
    return [f"/incidents/i{number}", evidence, f"/campaigns/{newest_campaign(stage)}"]


def test_programs_get_the_texts_as_data_and_nothing_else(tab: Tab, stage: Stage) -> None:
    """JSON says each text whole; it is never sent as anything that a browser would draw. Tables hold no formulas."""
    request = tab.context.request
    for number, batch in enumerate(batches()[:6], start=2):
        play(stage, batch, number)
        for form in ("", "/ocsf", "/stix"):
            answer = request.get(f"{stage.page}/api/v1/incidents/i{number}{form}")
            assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            told = json.loads(answer.body())
            assert form or (told["story"] == batch and told["advice"] == batch)
        seq = stage.player.seq
        token = request.get(f"{stage.page}/api/v1/robots/go1-07/evidence/{stage.player.chain}/{seq}")
        assert token.status in (200, 404) and token.headers["content-type"].startswith("application/")
        stream = request.get(f"{stage.page}/live/incidents/i{number}?once=1")
        assert stream.headers["content-type"].startswith("application/json") and json.loads(stream.body())["slots"]
    acted(stage)
    for address in addresses(stage):
        answer = request.get(stage.page + address)
        if "text/csv" in answer.headers.get("content-type", ""):
            cells = [cell for row in csv.reader(io.StringIO(answer.text())) for cell in row]
            assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == [], address
