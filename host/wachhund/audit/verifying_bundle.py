"""Checks a bundle from anybody, offline, with bounded memory. The numbers are those of docs/protocol.md, Bundle.

(1) one plain ZIP, the parts that belong in it and no others          else it is no bundle
(2) bundle.json can be read: whose evidence, keys, ranges             else it is no bundle
(3) the manifest is signed by the host's key
(4) each part has the size and SHA-256 that the manifest lists
(5) each key is what its name says, and the ueid belongs to one
(6) each line of evidence: signature, place, link, statements, receipts; then what is missing
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.audit.bundle import (
    ABOUT,
    FORMAT,
    INCIDENT,
    MANIFEST,
    MAX_ABOUT_BYTES,
    MAX_LINE_BYTES,
    Listed,
    Sum,
    expected_names,
    read_manifest,
)
from wachhund.audit.checking import MAX_CHAINS, MAX_RANGES, EvidenceCheck, Range
from wachhund.audit.plain_zip import NotPlain, Part, PlainZip
from wachhund.audit.proven import NOT_CHECKED, NOT_PROVEN, PROVEN, Proven, Word
from wachhund.audit.verifying import MAX_KEYS, keys_of, only
from wachhund.ledger.erased import MAX_RUN
from wachhund.ledger.keeping_records import HASH_CHARS, ErasedRun
from wachhund_evidence import (
    MAX_MESSAGE_BYTES,
    MisuseError,
    RejectedEvidence,
    load_public_key_pem,
    strict_json,
    thumbprint,
)

_MAX_ACTS = 10_000  # acts and erasures in bundle.json
_SHOWN_OF_A_CUT_LINE = 16  # bytes: never a whole entry
_MAX_TEXT = 4_096  # characters of a text in bundle.json, but for keys


class UnusableBundle(MisuseError):
    """The file is no bundle, or one that cannot be read. The text says what is wrong."""


@dataclass(frozen=True)
class Checked:
    """A bundle: what its manifest is worth, and what was found for its robot. `made_t`, `host`: as it says itself."""

    manifest: Word
    robot: Proven
    made_t: float
    host: str

    @property
    def is_proven(self) -> bool:
        """Whether nothing that was checked failed."""
        return self.manifest.state != NOT_PROVEN and self.robot.is_proven


def verify_bundle(path: Path, pinned: Mapping[str, Ed25519PublicKey], hosts: Mapping[str, Ed25519PublicKey]) -> Checked:
    """Check a bundle. Raises UnusableBundle.

    `pinned`, `hosts`: keys of robots and of hosts, by thumbprint, that alone are believed; empty: the bundle's own.
    """
    try:
        with PlainZip(path) as zipped:
            names = [part.name for part in zipped.parts]  # (1)
            has_incident = INCIDENT in names
            if names != expected_names(len(names) - 3 - has_incident, has_incident):
                raise UnusableBundle(f"{path}: its parts are not those of a bundle")
            about = _About(zipped.content(zipped.parts[1], MAX_ABOUT_BYTES))  # (2)
            return _Bundle(zipped, about, pinned, hosts).checked()
    except NotPlain as error:
        raise UnusableBundle(f"{path}: not a bundle: {error}") from None
    except RejectedEvidence as error:
        raise UnusableBundle(f"{path}: {ABOUT}: {error.detail}") from None


class _About:
    """bundle.json, read with suspicion. Raises RejectedEvidence for anything that is not as it should be."""

    def __init__(self, data: bytes) -> None:
        found = strict_json.parse_object(data)
        if found.get("format") != FORMAT:
            raise _wrong("of another format")
        robot, host = _object(found, "robot"), _object(found, "host")
        self.robot, self.name = _text(robot, "id"), _text(robot, "name")
        self.made_t = _number(found, "made_t")
        self.host_kid, self.host_pem = _text(host, "kid"), _text(host, "key")
        self.keys = [
            (_text(one, "kid"), _text(one, "ueid"), _text(one, "key")) for one in _objects(found, "keys", MAX_KEYS)
        ]
        self.windows: dict[str, list[Range]] = {}
        for one in _objects(found, "ranges", MAX_RANGES):
            window = _whole(one, "from_seq"), _whole(one, "to_seq")
            if not 1 <= window[0] <= window[1]:
                raise _wrong("a range runs backwards")
            self.windows.setdefault(_text(one, "chain"), []).append(window)
        if len(self.windows) > MAX_CHAINS:
            raise _wrong("too many chains")
        self.acts = [
            {
                "id": _whole(one, "id"), "begun_t": _number(one, "begun_t"), "by": _text(one, "by"),
                "why": _text(one, "why"), "reason": _text(one, "reason"), "tokens": _whole(one, "tokens"),
            }
            for one in _objects(found, "erasures", _MAX_ACTS)
        ]  # fmt: skip


class _Bundle:
    """One bundle while it is checked."""

    def __init__(
        self, zipped: PlainZip, about: _About, pinned: Mapping[str, Ed25519PublicKey],
        hosts: Mapping[str, Ed25519PublicKey],
    ) -> None:  # fmt: skip
        self._zip, self._about, self._hosts = zipped, about, hosts
        self._found = Proven(about.robot, about.name, is_pinned=bool(pinned), acts=about.acts)
        self._host_keys = self._host()
        keys = only(keys_of(about.keys, self._found), pinned)  # (5)
        self._check = EvidenceCheck(self._found, keys, self._host_keys, about.windows)

    def checked(self) -> Checked:
        summed = [self._read(part) for part in self._zip.parts[:-1]]
        self._check.end()
        return Checked(self._manifest(summed), self._found, self._about.made_t, self._about.host_kid)

    def _host(self) -> dict[str, Ed25519PublicKey]:
        """The key that the manifest has to be signed with: the bundle's own, if it is one that is believed."""
        try:
            key = load_public_key_pem(self._about.host_pem.encode("ascii", "replace"))
        except MisuseError:
            return {}
        kid = thumbprint(key)
        if kid != self._about.host_kid or (self._hosts and kid not in self._hosts):
            return {}
        return {kid: key}

    def _manifest(self, summed: list[Listed]) -> Word:
        """(3) and (4)."""
        if not self._host_keys:
            known = "none that you named" if self._hosts else "not what its name says, or no key"
            return Word(NOT_PROVEN, f"the host's key in it is {known}")
        part = self._zip.part(MANIFEST)
        try:
            data = self._zip.content(part, MAX_MESSAGE_BYTES) if part is not None else b""
            robot, listed = read_manifest(data, self._host_keys)
        except (RejectedEvidence, NotPlain) as error:
            return Word(NOT_PROVEN, f"the manifest is not the host's ({error})")
        if robot != self._about.robot:
            return Word(NOT_PROVEN, "the manifest is of another robot")
        for is_, said in zip(summed, listed, strict=False):
            if is_ != said:
                return Word(NOT_PROVEN, f"{is_.name} is not the part that the manifest lists")
        if len(summed) != len(listed):
            return Word(NOT_PROVEN, "the manifest lists other parts")
        if not self._hosts:
            return Word(
                NOT_CHECKED, "nothing was altered since a host signed it; whose key that is, you know with --host-key"
            )
        return Word(PROVEN, "nothing was altered since the host that you named signed it")

    def _read(self, part: Part) -> Listed:
        """Go through a part once: for its sum, and if it holds evidence, line by line."""
        summed = Sum()
        chunks = _summed(self._zip.chunks(part), summed)
        try:
            if part.name.endswith(".jsonl"):
                for number, line in enumerate(_lines(chunks), start=1):
                    self._line(line, f"{part.name} line {number}")
            for _ in chunks:
                pass  # what follows a line that is none still counts
        except NotPlain as error:
            self._found.fault(str(error))
        return summed.listed(part.name)

    def _line(self, line: bytes, where: str) -> None:
        """(6)"""
        try:
            entry = strict_json.parse_object(line)
            if set(entry) == {"token", "received_t", "nonce_t"}:
                nonce_t = None if entry["nonce_t"] is None else _number(entry, "nonce_t")
                received_t = _number(entry, "received_t")
                self._check.token(_text(entry, "token", MAX_MESSAGE_BYTES), received_t, nonce_t)
            elif set(entry) == {"fork", "received_t"}:
                _number(entry, "received_t")
                self._check.fork(_text(entry, "fork", MAX_MESSAGE_BYTES))
            elif set(entry) == {"erased"}:
                self._check.erased(_run(self._about.robot, _object(entry, "erased")))
            else:
                raise _wrong("neither a token nor what was erased")
        except RejectedEvidence as error:
            self._found.fault(f"{where}: {error.detail}")


def _summed(chunks: Iterator[bytes], into: Sum) -> Iterator[bytes]:
    for chunk in chunks:
        into.add(chunk)
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without their ends. One that is too long, or has no end, is cut, is no JSON then, and is the last."""
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
        if len(left) > MAX_LINE_BYTES:
            break
    if left:
        yield left[:_SHOWN_OF_A_CUT_LINE]


def _run(robot: str, entry: Mapping[str, Any]) -> ErasedRun:
    hashes = entry.get("hashes")
    first, last = _whole(entry, "first_seq"), _whole(entry, "last_seq")
    if type(hashes) is not list or not 0 < len(hashes) == last - first + 1 <= MAX_RUN or first < 1:
        raise _wrong("what was erased does not have a hash for each number")
    if any(type(one) is not str or len(one) != HASH_CHARS for one in hashes):
        raise _wrong("a hash of what was erased is none")
    return ErasedRun(
        robot, _text(entry, "chain"), first, last, _whole(entry, "erasure"), _text(entry, "prev"), "", 0.0, 0.0,
        _number(entry, "first_received_t"), _number(entry, "last_received_t"), "".join(hashes),
    )  # fmt: skip


def _wrong(what: str) -> RejectedEvidence:
    return RejectedEvidence("bundle", what)


def _text(value: Mapping[str, Any], name: str, limit: int = _MAX_TEXT) -> str:
    found = value.get(name)
    if type(found) is not str or len(found) > limit:
        raise _wrong(f"{name} is not a text, or too long")
    return found


def _whole(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    if type(found) is not int:
        raise _wrong(f"{name} is not a whole number")
    return found


def _number(value: Mapping[str, Any], name: str) -> float:
    found = value.get(name)
    if not isinstance(found, (int, float)) or type(found) is bool or not isfinite(found):
        raise _wrong(f"{name} is not a number")
    return float(found)


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    if type(found) is not dict:
        raise _wrong(f"{name} is not an object")
    return found


def _objects(value: Mapping[str, Any], name: str, limit: int) -> list[Mapping[str, Any]]:
    found = value.get(name)
    if type(found) is not list or len(found) > limit or any(type(one) is not dict for one in found):
        raise _wrong(f"{name} is not a list of objects, or too long")
    return found
