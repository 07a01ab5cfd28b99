"""The pages of a host: what they are made of, and the server that serves them in this thread until a signal ends it."""

import asyncio
import functools
import hashlib
import hmac
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import IO

import uvicorn

from wachhund import service_manager
from wachhund.audit.exporting import Wanted, export
from wachhund.config import Address, PagesAt
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys, recovery_public_key
from wachhund.judge.signed_packs import release_keys
from wachhund.ledger import Ledger
from wachhund.ledger.reading_elsewhere import may_read_a_replica
from wachhund.notify.sealing import Sealer
from wachhund.people.passkeys import site_of
from wachhund.people.sign_on_config import SignOn
from wachhund.reports.making import Reports
from wachhund.rulebook import shelf
from wachhund.rulebook.hunts import Hunts
from wachhund.rulebook.listing import listing
from wachhund.serving.listening import BACKLOG
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.enrol_page import WayIn
from wachhund.web.guard import Guard
from wachhund.web.keeping_view import Keeping
from wachhund.web.keys_page import Keys
from wachhund.web.live import LiveBoard
from wachhund.web.metrics import MetricsWish
from wachhund.web.notify_pages import tells_of
from wachhund.web.sign_on_door import SignOnDoor
from wachhund_evidence import thumbprint

_TURN_S = 1.0  # uvicorn's own turns go by a clock that may be set back
_LAST_WORDS_S = 3  # for pages that are being sent when the host stops
_DOWNLOAD_BYTES = 64 * 1024 * 1024  # of a bundle by the pages; `wachhund export` makes larger ones
_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Pages:
    """What pages are told by whoever serves them.

    `web`: where they listen; `pages_at`: where people find them. `proxies`: addresses and networks whose word about who
    came is believed; none: nobody's. `faults`: what is wrong with the host; `own_faults`: with this process, for who
    routes to it. `is_one_of_many`: other processes serve the same pages. The rest: see web.app.create_app.
    """

    ledger: Ledger
    door: Door
    data: DataFolder
    keys: HostKeys
    web: Address
    pages_at: PagesAt | None
    proxies: tuple[str, ...]
    faults: Callable[[], tuple[str | None, ...]]
    own_faults: Callable[[], tuple[str | None, ...]]
    sealer: Sealer | None
    metrics_wish: MetricsWish
    sign_on: SignOn | None
    keeping: Keeping | None
    way_in: WayIn | None
    is_one_of_many: bool

    @property
    def address(self) -> str:
        """The address of the first page."""
        return f"{self.origin}/"

    @property
    def origin(self) -> str:
        """As browsers send it."""
        return origin_of(self.web, self.pages_at)


def origin_of(web: Address, pages_at: PagesAt | None) -> str:
    """Where people find pages."""
    return pages_at.origin if pages_at is not None else f"http://{web}"


def proxies_of(pages_at: PagesAt | None, given: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Whose word about who came is believed: a proxy's on this machine, if we were told of one, and of those given."""
    return (*(_LOOPBACK if pages_at is not None else ()), *given)


def serve_pages(pages: Pages, listener: socket.socket, say_ready: Callable[[], None]) -> None:
    """Serve in this thread until a signal ends it."""
    board = LiveBoard()

    class Server(uvicorn.Server):
        """uvicorn, which says when it is ready, and whose open event streams end when it is told to stop."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                say_ready()
                self._turns = asyncio.create_task(self._give_signs_of_life())

        async def _give_signs_of_life(self) -> None:
            signs = service_manager.SignsOfLife()
            while signs.every_s and not self.should_exit:
                signs.give(lambda: f"ready: {pages.address}")
                await asyncio.sleep(_TURN_S)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            board.close()
            service_manager.tell("STOPPING=1")
            super().handle_exit(sig, frame)

    settings = uvicorn.Config(
        _app(pages, board), log_config=None, access_log=False, server_header=False, lifespan="on", backlog=BACKLOG,
        timeout_graceful_shutdown=_LAST_WORDS_S,
        # Who came, and by https or not.
        proxy_headers=bool(pages.proxies), forwarded_allow_ips=",".join(pages.proxies),
    )  # fmt: skip
    Server(settings).run(sockets=[listener])


def _app(pages: Pages, board: LiveBoard) -> Guard:
    ledger, data, keys, pages_at = pages.ledger, pages.data, pages.keys, pages.pages_at
    names = [pages.web.host] if pages_at is None else [pages.web.host, pages_at.host]
    sign_on = None if pages.sign_on is None else SignOnDoor(ledger, pages.door, pages.sign_on, pages.origin)
    return create_app(
        ledger, pages.door, board, names=names, origins=[] if pages_at is None else [pages_at.origin],
        faults=pages.faults, own_faults=pages.own_faults, keeping=pages.keeping,
        hand_on=functools.partial(_bundle, ledger, keys, data), way_in=pages.way_in,
        hunts=Hunts(ledger, data, is_shared=pages.is_one_of_many), rulebook=lambda: listing(shelf.in_use(data)),
        about_keys=lambda: about_keys(keys, data), reports=Reports(ledger, keys.key, data.path),
        metrics_wish=pages.metrics_wish, sealer=pages.sealer, tells_of=tells_of(ledger.notifying),
        site=site_of(pages.origin), sign_on=sign_on, seal_key=_seal_key(keys),
        # A load balancer may name each process by its own port: a login is of all of them.
        cookie_port=(pages_at.port or 80) if pages.is_one_of_many and pages_at is not None else None,
    )  # fmt: skip


def _seal_key(keys: HostKeys) -> bytes:
    """The key that seals previews: the same in every process that holds the host's secrets."""
    return hmac.new(keys.nonce_secret, b"wachhund: previews", hashlib.sha256).digest()


def about_keys(keys: HostKeys, data: DataFolder) -> Keys:
    """The names of the host's keys; the recovery key may be made while the host serves."""
    recovery, earlier, had = recovery_public_key(data.recovery_key), [], keys.succession.first
    for step in keys.succession.steps:
        earlier.append(("lost" if had is None else thumbprint(had), step.signer))
        had = step.key
    return Keys(keys.kid, None if recovery is None else thumbprint(recovery), earlier[::-1], tuple(release_keys()))


def _bundle(
    ledger: Ledger, keys: HostKeys, data: DataFolder, robot: str, from_t: float, to_t: float, by: str
) -> IO[bytes]:
    """A bundle of a span in a file that is gone from the disk when it is closed, and a note of who asked for it."""
    stream = tempfile.TemporaryFile(dir=data.path)  # noqa: SIM115  whoever sends it closes it
    try:
        with may_read_a_replica(), ledger.moment() as connection:
            made = export(connection, Wanted(robot, from_t, to_t), keys.key, time.time(), stream, _DOWNLOAD_BYTES)
        ledger.note_act(robot, "export", by, f"{made.tokens} tokens by the pages")
    except BaseException:
        stream.close()
        raise
    return stream
