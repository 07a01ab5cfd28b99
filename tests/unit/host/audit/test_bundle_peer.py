"""A second verifier of bundles, written from docs/protocol.md alone with other people's libraries: zipfile and joserfc.

It agrees with ours on honest bundles and on altered ones: the document is enough, and ours is not a private dialect.
"""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from tests.robots.handed_on import bundle_of, checked, forged, lines_of, with_lines
from tests.robots.host_bench import HostBench
from tests.robots.three_days import DAY, T, ThreeDays
from wachhund.audit.exporting import Wanted

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def opened(text: str, keys: dict[str, OKPKey], typ: str) -> dict[str, Any]:
    """A JWS's claims, under the key that it names."""
    kid = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))["kid"]
    found = jws.deserialize_compact(text, keys[kid], algorithms=["EdDSA"])
    assert found.headers()["typ"] == typ
    return dict(json.loads(found.payload))


def peer(data: bytes) -> dict[str, bool]:
    """What the second verifier says: the words that something in the file can show."""
    words = dict.fromkeys(("manifest", "signatures", "order", "completeness", "freshness"), True)
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(parts["bundle.json"])
    host = OKPKey.import_key(about["host"]["key"])
    try:
        assert host.thumbprint() == about["host"]["kid"]
        manifest = opened(parts.pop("manifest.jws").decode(), {about["host"]["kid"]: host}, "wachhund-bundle+jwt")
        assert manifest["format"] == "wachhund-bundle/1" and manifest["robot"] == about["robot"]["id"]
        assert manifest["parts"] == [
            {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in parts.items()
        ]
    except (AssertionError, KeyError, JoseError):
        words["manifest"] = False
    keys = {one["kid"]: OKPKey.import_key(one["key"]) for one in about["keys"]}
    assert all(key.thumbprint() == kid for kid, key in keys.items())
    firsts = {b64(b"\x01" + hashlib.sha256(base64.urlsafe_b64decode(key.as_dict()["x"] + "=")).digest())
              for key in keys.values()}  # fmt: skip
    assert all(one["ueid"] in firsts for one in about["keys"])
    here: dict[str, dict[int, str]] = {}
    excused: dict[str, set[int]] = {}
    held: dict[str, range] = {}
    for name, content in parts.items():
        for line in content.splitlines() if name.startswith("evidence-") else ():
            entry = json.loads(line)
            if "erased" in entry:
                gone = entry["erased"]
                numbers = range(gone["first_seq"], gone["last_seq"] + 1)
                chain = here.setdefault(gone["chain"], {})
                before = chain.get(gone["first_seq"] - 1)
                words["order"] &= before is None or before == gone["prev"]
                chain.update(zip(numbers, gone["hashes"], strict=True))
                continue
            if "fork" in entry:
                words["order"] = False
                continue
            try:
                claims = opened(entry["token"], keys, "eat+jwt")
            except (JoseError, KeyError, ValueError):
                words["signatures"] = False
                continue
            chain = here.setdefault(claims["chain"], {})
            before = chain.get(claims["seq"] - 1)
            words["order"] &= claims["seq"] > max(chain, default=0) and before in (None, claims["prev"])
            chain[claims["seq"]] = b64(hashlib.sha256(entry["token"].encode()).digest())
            for one in claims["obs"]:
                if one["kind"] == "agent.gap" and one.get("from_seq") and one["to_seq"] < claims["seq"]:
                    excused.setdefault(claims["chain"], set()).update(range(one["from_seq"], one["to_seq"] + 1))
                if one["kind"] == "heartbeat":
                    first = one.get("held_back_from")
                    held[claims["chain"]] = range(0) if first is None else range(first, claims["seq"])
            if entry["nonce_t"] is not None:
                told = int.from_bytes(base64.urlsafe_b64decode(claims["eat_nonce"] + "==")[:8], "big") / 1e6
                words["freshness"] &= abs(told - entry["nonce_t"]) < 1e-4
    for one in about["ranges"]:
        mine = here.get(one["chain"], {})
        for seq in range(one["from_seq"], one["to_seq"] + 1):
            words["completeness"] &= (
                seq in mine or seq in excused.get(one["chain"], set()) or seq in held.get(one["chain"], range(0))
            )
    return words


def ours(folder: Path, data: bytes) -> dict[str, bool]:
    found = checked(folder, data)
    words = {name: word.state != "not proven" for name, word in found.robot.words.items() if name != "identity"}
    return {"manifest": found.manifest.state != "not proven", **words}


@pytest.fixture
def told(tmp_path: Path) -> Iterator[ThreeDays]:
    bench = HostBench(tmp_path / "host")
    made = ThreeDays(bench, each=6)
    made.robot.skip(3)
    gap = made.robot.saw("agent.gap", from_seq=19, to_seq=21, lost=7, reason="journal full", until=1.0)
    made.now = T + 2 * DAY + 20
    bench.take(made.row, made.robot.token(gap), t=made.now)
    made.erase_span(T + DAY, T + DAY + 100)
    yield made
    bench.close()


def test_both_find_an_honest_bundle_proven(told: ThreeDays, tmp_path: Path) -> None:
    for wanted in (Wanted(told.row.id), Wanted(told.row.id, T, T + 2 * DAY), Wanted(told.row.id, T + 2 * DAY)):
        data = bundle_of(told.bench, wanted)
        assert peer(data) == ours(tmp_path, data) == dict.fromkeys(peer(data), True)


Change = Callable[[list[Any]], list[Any]]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda entries: entries[:2] + entries[3:], "completeness"),
        (lambda entries: entries[:-1], "completeness"),
        (lambda entries: [{**entries[0], "token": entries[1]["token"][:-4] + "AAAA"}, *entries[1:]], "signatures"),
        (lambda entries: [{**entries[0], "nonce_t": 7.0}, *entries[1:]], "freshness"),
        (lambda entries: [entries[1], entries[0], *entries[2:]], "order"),
        (lambda entries: [*entries, {"fork": entries[0]["token"], "received_t": 1.0}], "order"),
    ],
)  # fmt: skip
def test_both_find_the_same_word_not_proven(told: ThreeDays, tmp_path: Path, change: Change, word: str) -> None:
    def changed(parts: dict[str, bytes]) -> None:
        parts["evidence-0001.jsonl"] = with_lines(change(lines_of(parts)))

    data = forged(tmp_path, bundle_of(told.bench, Wanted(told.row.id)), changed, told.bench.keys.key, told.row.id)
    assert not peer(data)[word] and not ours(tmp_path, data)[word]
    assert peer(data)["manifest"] and ours(tmp_path, data)["manifest"]


def test_both_refuse_a_hash_that_the_next_token_does_not_name(told: ThreeDays, tmp_path: Path) -> None:
    """What was erased is bound by what follows it: a host cannot put other hashes there."""

    def changed(parts: dict[str, bytes]) -> None:
        entries = lines_of(parts)
        for entry in entries:
            if "erased" in entry:
                entry["erased"]["hashes"][-1] = "A" * 43
        parts["evidence-0001.jsonl"] = with_lines(entries)

    data = forged(tmp_path, bundle_of(told.bench, Wanted(told.row.id)), changed, told.bench.keys.key, told.row.id)
    assert not peer(data)["order"] and not ours(tmp_path, data)["order"]
