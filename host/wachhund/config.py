"""What a host is told when it starts: where its data lies, and where it listens."""

import argparse
import ipaddress
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wachhund.keeping.policy import Keep, parse_keep
from wachhund_evidence import MisuseError
from wachhund_evidence.enrolment import MAX_ADDRESSES

WEB_LISTEN = "127.0.0.1:8380"
BROKER_LISTEN = "127.0.0.1:18830"
# With --name: robots come from other machines, by TLS.
OPEN_BROKER_LISTEN = "0.0.0.0:8883"
OPEN_ENROL_LISTEN = "0.0.0.0:8443"
MAX_PROXIES = 64
_MAX_NAMES_CHARS = 1000  # with ports and keys they must fit into an invitation, which holds 2,048
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Address:
    """A host name or address without brackets, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it. A name other than `localhost` is taken for one that others reach."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str, option: str, least_port: int = 1) -> Address:
    """`ADDRESS:PORT`, `NAME:PORT` or `[IPV6]:PORT`. Raises MisuseError, naming the option."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    bad_host = not host or not host.isascii() or not host.isprintable() or " " in host or (":" in host) is not bracketed
    if not colon or bad_host or not port.isdecimal() or not port.isascii() or not least_port <= int(port) < 65536:
        raise MisuseError(f"{option}: {text!r}: give ADDRESS:PORT, such as {WEB_LISTEN} or [::1]:8380")
    return Address(host, int(port))


def parse_name(text: str) -> str:
    """A host name or address by which robots reach this host. Raises MisuseError."""
    plain = text.strip("[]")
    if _NAME.fullmatch(plain) is None:
        raise MisuseError(f"--name: {text!r}: give a host name or an address, without a port")
    return plain


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once, in their order. Raises MisuseError when an invitation could not hold them."""
    names = tuple(dict.fromkeys(parse_name(text) for text in texts))
    if len(names) > MAX_ADDRESSES or sum(map(len, names)) > _MAX_NAMES_CHARS:
        raise MisuseError(
            f"--name: {len(names)} names: give {MAX_ADDRESSES} at most, of {_MAX_NAMES_CHARS} characters together"
        )
    return names


@dataclass(frozen=True)
class PagesAt:
    """Where people find the pages when a reverse proxy stands in front of them. `origin`: as browsers send it."""

    origin: str
    host: str
    port: int | None = field(default=None, compare=False)  # where it is not the usual one: it stands in the origin


def parse_pages_at(text: str) -> PagesAt:
    """`https://NAME` or `https://NAME:PORT`, also with http. Raises MisuseError."""
    wrong = MisuseError(f"--pages-at: {text!r}: give the address of the pages, such as https://wachhund.example.org")
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or _NAME.fullmatch(host) is None or port == 0:
        raise wrong
    usual = {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + ("" if port in (None, usual) else f":{port}")
    # The pages link to each other from the root: they can't lie in a folder of another site.
    if text.lower().removesuffix("/") not in (origin, f"{origin}:{usual}"):
        raise wrong
    return PagesAt(origin, host, None if port == usual else port)


def parse_proxy(text: str) -> str:
    """An address, or a network of them. Raises MisuseError."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=True))
    except ValueError:
        raise MisuseError(
            f"--proxy: {text!r}: give the address of the load balancer, or its network, such as 10.0.0.0/28"
        ) from None


@dataclass(frozen=True)
class WebConfig:
    """What `wachhund web` was told; see ServeConfig. `proxies`: addresses and networks of load balancers.

    `replica`: the address of a standby; None: as the data folder says.
    """

    data: Path | None
    web: Address
    login_link: bool
    pages_at: PagesAt | None = None
    proxies: tuple[str, ...] = ()
    metrics_open: bool = False
    metrics_robots: bool = False
    sign_on: Path | None = None
    ledger: str | None = None
    replica: str | None = None

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> "WebConfig":
        """From the command line. Raises MisuseError."""
        if arguments.proxy and arguments.pages_at is None:
            raise MisuseError("--proxy: give --pages-at too: the address by which people reach the load balancer")
        if len(arguments.proxy) > MAX_PROXIES:
            raise MisuseError(f"--proxy: {len(arguments.proxy)}: give {MAX_PROXIES} at most: a network holds many")
        return cls(
            data=arguments.data,
            web=parse_address(arguments.listen, "--listen", least_port=0),
            login_link=arguments.login_link,
            pages_at=None if arguments.pages_at is None else parse_pages_at(arguments.pages_at),
            proxies=tuple(parse_proxy(text) for text in arguments.proxy),
            metrics_open=arguments.metrics_open,
            metrics_robots=arguments.metrics_robots,
            sign_on=arguments.single_sign_on,
            ledger=arguments.ledger,
            replica=arguments.replica,
        )


@dataclass(frozen=True)
class ServeConfig:
    """What `wachhund serve` was told. `data`: None for the user's own data folder.

    `names`: by which robots reach this host, in the order in which they try; with one, broker and enrolment door
    (`enrol`) are open, by TLS.
    `keep`: how long and how much. `pages_at`: the address by which a reverse proxy is reached, if there is one.
    `metrics_open`: /metrics needs no login from this machine; `metrics_robots`: it names robots.
    `ledger`: the address of a server that holds the ledger; None: as the data folder says.
    `sign_on`: the file that says how people come in by single sign-on.
    """

    data: Path | None
    web: Address
    broker: Address
    login_link: bool
    names: tuple[str, ...] = ()
    enrol: Address | None = None
    keep: Keep = field(default_factory=Keep)
    pages_at: PagesAt | None = None
    metrics_open: bool = False
    metrics_robots: bool = False
    sign_on: Path | None = None
    ledger: str | None = None

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> "ServeConfig":
        """From the command line. Raises MisuseError."""
        names = _names(arguments.name)
        if arguments.enrol_listen is not None and not names:
            raise MisuseError("--enrol-listen: give --name too: the address by which robots reach this host")
        broker = arguments.broker_listen or (OPEN_BROKER_LISTEN if names else BROKER_LISTEN)
        enrol = arguments.enrol_listen or OPEN_ENROL_LISTEN
        return cls(
            data=arguments.data,
            web=parse_address(arguments.listen, "--listen", least_port=0),
            broker=parse_address(broker, "--broker-listen"),
            login_link=arguments.login_link,
            names=names,
            enrol=parse_address(enrol, "--enrol-listen") if names else None,
            keep=parse_keep(arguments.keep_days, arguments.keep_size),
            pages_at=None if arguments.pages_at is None else parse_pages_at(arguments.pages_at),
            metrics_open=arguments.metrics_open,
            metrics_robots=arguments.metrics_robots,
            sign_on=arguments.single_sign_on,
            ledger=arguments.ledger,
        )
