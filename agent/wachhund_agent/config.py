"""What an agent is told at its start: one JSON file, strictly read; and every bound, with its unit and its reason."""

import json
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund_evidence import MisuseError, RejectedEvidence, load_public_key_pem, strict_json

MAX_CONFIG_BYTES = 64 * 1024
MAX_ADDRESSES = 8  # protocol.md: of what a host answers to a robot that enrols
_REQUIRED = ("robot", "broker", "client_id", "username", "password", "host_key", "nonce")
_ROBOT_ID = re.compile(r"[a-z0-9]{10}\Z")
_SERIAL = re.compile(r"[0-9]{1,15}\Z")
_OPTIONAL: Dict[str, Any] = {"key": "agent.key", "data": "agent-data"}
_MAY_MISS = ("profile", "redact", "ca", "certificate", "ueid", "recovery_key", "recovery_serial")


@dataclass(frozen=True)
class Limits:
    """Every bound of the agent outside its senses."""

    queue_observations: int = 20_000  # between senses and attester: 10 s of the worst storm measured
    token_observations: int = 2_000  # protocol.md
    token_payload_bytes: int = 120_000  # base64 makes 160,000 of it; the host takes 262,144
    first_delay_s: float = 0.1  # an observation of interest waits this long for its neighbours
    lively_every_s: float = 0.5  # between tokens while there is something of interest: spares the SD card
    calm_every_s: float = 1.0  # between tokens otherwise
    heartbeat_s: float = 10.0  # protocol.md
    modem_every_s: float = 20.0  # both of them over a modem: a heartbeat alone is 3.4 MB a day then
    modem_day_bytes: int = 20 << 20  # over a modem in any 24 h, but for what may not wait (protocol.md, Delivery)
    modem_alive_s: float = 40.0  # when they are used up, between fresh tokens: a third below the 60 s of "late"
    modem_alive_bytes: int = 4096  # of such a token; a heartbeat alone sends 780: 2,160 a day of them are 1.7 MB
    route_look_s: float = 30.0  # between looks at the default route: a modem takes longer than this to come up
    drill_first_s: float = 120.0  # after a start: whoever installs it still looks
    drill_every_s: float = 86_400.0  # protocol.md: the host misses one that does not come
    cut_s: float = 60.0  # without a connection to the broker: longer is told; the host says "late" then
    journal_bytes: int = 256 << 20  # protocol.md
    segment_bytes: int = 1 << 20  # of a file of it: what goes at once when it is full
    free_share: float = 0.1  # of the disk, left to the robot
    interest_share: float = 0.125  # of the journal, for observations of interest
    in_flight_tokens: int = 32  # protocol.md
    in_flight_bytes: int = 1 << 20  # protocol.md
    resend_first_s: float = 30.0  # protocol.md
    resend_last_s: float = 300.0  # protocol.md
    fresh_tokens: int = 4  # the newest, which go before a backlog; also how many of the window a backlog leaves to them
    fresh_bytes: int = 160 << 10  # the same of the window's bytes: the largest token
    held_ranges: int = 65_536  # known to be at the host beyond a hole: a month of them over a modem, and 1 MiB
    refused_tries: int = 2  # of a token that others' receipts leave out; then it waits beside the window: 90 s
    aside_tokens: int = 256  # that wait so, each tried again at the longest interval
    give_up_tries: int = 8  # then it is stated as a gap, lest nothing behind it is ever whole: half an hour
    again_tokens: int = 8  # of an earlier chain, signed again at a time: each is synced to disk
    found_gaps: int = 100  # stated at start; further ones when the backlog has left
    receipt_kept_s: float = 600.0  # between receipts that are kept whole, to show a host what it lost
    sent_hashes: int = 1024  # by which a receipt is known to answer this connection; one a second
    skipped_numbers: int = 64  # protocol.md: numbers that may have left before an unclean stop


@dataclass(frozen=True)
class Broker:
    """Where the broker listens: `path` of a unix socket, or `host` and `port`; `tls`: by mqtts."""

    host: str
    port: int
    path: Optional[str] = None
    tls: bool = False

    def __str__(self) -> str:
        host = "[{}]".format(self.host) if ":" in self.host else self.host
        return self.path or "{}:{}".format(host, self.port)


@dataclass(frozen=True)
class Config:
    """One robot's configuration, as `wachhund-agent enrol` writes it. Its text never shows a secret.

    `brokers`: the host's addresses in the order in which they are tried; several are mqtts all.
    `ca`: the certificate (PEM) that the broker's is checked with. `certificate`: the file (PEM) of the robot's own,
    which the broker asks for by TLS. `ueid`: the robot's, where its key is not its first.
    `recovery_key` may give the host another key; of its statements only those beyond `recovery_serial` count.
    """

    robot: str
    brokers: Tuple[Broker, ...]
    client_id: str
    username: str
    password: str
    host_key: Ed25519PublicKey
    nonce: str
    key: Path
    data: Path
    profile: Optional[str] = None
    redact: Tuple[str, ...] = ()
    ca: Optional[str] = None
    certificate: Optional[Path] = None
    ueid: Optional[str] = None
    recovery_key: Optional[Ed25519PublicKey] = None
    recovery_serial: int = 0

    def __repr__(self) -> str:
        return "Config(robot={!r})".format(self.robot)


def _broker(text: str, where: str) -> Broker:
    if text.startswith("unix:/"):
        return Broker("", 0, text[len("unix:") :])
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna")  # as connecting will; what it can't look up would end paho's thread
    except ValueError:
        parts, port, host = urllib.parse.urlsplit(""), None, ""
    if parts.scheme not in ("mqtt", "mqtts") or not host or not host.isprintable() or parts.path not in ("", "/"):
        raise MisuseError("{}: broker: not an address: write mqtts://ADDRESS:PORT".format(where))
    tls = parts.scheme == "mqtts"
    return Broker(host, port or (8883 if tls else 1883), tls=tls)


def _brokers(value: Any, where: str) -> Tuple[Broker, ...]:
    """`value`: one address, or a list of them in the order in which they are tried."""
    texts = [value] if isinstance(value, str) else value
    if not 1 <= len(texts) <= MAX_ADDRESSES:
        raise MisuseError("{}: broker: {} addresses: write 1 to {}".format(where, len(texts), MAX_ADDRESSES))
    brokers = tuple(_broker(text, where) for text in texts)
    if len(brokers) > 1 and not all(broker.tls for broker in brokers):
        # In clear whoever has an address is taken for the host: that is for one machine, or a wire of one's own.
        raise MisuseError("{}: broker: of several addresses each must be mqtts".format(where))
    return brokers


def _is_setting(name: str, value: Any) -> bool:
    if name == "broker" and isinstance(value, list):
        return all(isinstance(one, str) and one for one in value)
    return isinstance(value, str) and value != ""


def _fields(data: bytes, where: str) -> Dict[str, Any]:
    try:
        found = strict_json.parse_object(data)
    except RejectedEvidence as error:
        raise MisuseError("{}: not a configuration ({}): write one JSON object".format(where, error.detail)) from None
    for name in found:
        if name not in _REQUIRED and name not in _OPTIONAL and name not in _MAY_MISS:
            raise MisuseError("{}: {}: no such setting: take it out".format(where, json.dumps(name)))
    for name in _REQUIRED:
        if name not in found:
            raise MisuseError(
                "{}: {}: missing: enrol anew, or write it with `wachhund robots add --out`".format(where, name)
            )
    made = dict(_OPTIONAL, **found)
    for name, value in made.items():
        if not _is_setting(name, value):
            raise MisuseError("{}: {}: must be a text".format(where, name))
    return made


def load(path: Path) -> Config:
    """The configuration in a file. Raises MisuseError: what, where, what to do."""
    where = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise MisuseError(
            "{}: {}: give the file that `wachhund-agent enrol` wrote".format(where, error.strerror)
        ) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise MisuseError("{}: larger than {} bytes: not a configuration".format(where, MAX_CONFIG_BYTES))
    fields = _fields(data, where)
    if not _ROBOT_ID.match(fields["robot"]):
        raise MisuseError("{}: robot: not an id that a host made".format(where))
    serial = fields.get("recovery_serial", "0")
    if not _SERIAL.match(serial):
        raise MisuseError("{}: recovery_serial: not a whole number: enrol anew".format(where))
    key, data_folder = _beside(path, fields["key"], fields["data"])
    brokers = _brokers(fields["broker"], where)
    for name in ("ca", "certificate"):
        if brokers[0].tls and name not in fields:
            raise MisuseError("{}: {}: missing: mqtts needs it; enrol anew".format(where, name))
    return Config(
        robot=fields["robot"],
        brokers=brokers,
        client_id=fields["client_id"],
        username=fields["username"],
        password=fields["password"],
        host_key=_public_key(fields["host_key"], "host_key", where),
        nonce=fields["nonce"],
        key=key,
        data=data_folder,
        profile=fields.get("profile"),
        redact=tuple(fields.get("redact", "").split()),
        ca=fields.get("ca"),
        certificate=path.resolve().parent / fields["certificate"] if "certificate" in fields else None,
        ueid=fields.get("ueid"),
        recovery_key=_public_key(fields["recovery_key"], "recovery_key", where) if "recovery_key" in fields else None,
        recovery_serial=int(serial),
    )


def _public_key(pem: str, name: str, where: str) -> Ed25519PublicKey:
    try:
        return load_public_key_pem(pem.encode("ascii", "replace"))
    except MisuseError as error:
        raise MisuseError("{}: {}: {}".format(where, name, error)) from None


def _beside(path: Path, key: str, data: str) -> Tuple[Path, Path]:
    folder = path.resolve().parent
    return folder / key, folder / data
