"""One connection to the nodes for one process (NATS by nats-py): a loop of asyncio in a thread of its own.

It goes to any node and to the next one when that is gone. Everything here may be called from any thread.
"""

import asyncio
import concurrent.futures
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from wachhund.cluster.nats_access import NatsAccess
from wachhund_evidence import WachhundError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

log = logging.getLogger("wachhund.cluster")
# It warns of each connection by TLS that ends in the way in which the library ends them.
logging.getLogger("asyncio").setLevel(logging.ERROR)

_MOST_WAITING = 65_536  # messages on their way out: acknowledgements and receipts, which come again
_PAUSE_S = 0.5  # before the nodes are asked again
_CONNECT_S = 3
_PING_S, _PINGS = 2, 3  # a node that says nothing for so long is gone, somewhat later than a lease
_STOP_S = 5.0
_GOODBYE_S = 2.0  # for a node's good-bye by TLS, which one without power does not say; asyncio would wait for 30 s
_LOST = "the connection to the cluster's node was lost; another one is tried"
_PENDING_BYTES = 8 * 1024 * 1024  # what the library keeps for a node while there is none


class WireError(WachhundError):
    """The nodes do not answer. The text says so, and nothing was lost."""


class _Loop(asyncio.SelectorEventLoop):
    """A loop that does not wait for long for who is gone."""

    async def start_tls(self, *of_what: Any, **how: Any) -> Any:
        return await super().start_tls(*of_what, **{"ssl_shutdown_timeout": _GOODBYE_S, **how})


class NatsWire:
    """Start once, stop once."""

    def __init__(self, access: NatsAccess, name: str) -> None:
        """`name`: of this process, for who looks at a node's connections."""
        self._access, self._name = access, name
        self._loop = _Loop()
        self._stopping = asyncio.Event()
        self._client: Client | None = None
        self._out: deque[tuple[str, bytes, str]] = deque(maxlen=_MOST_WAITING)
        self._is_woken = False  # the loop's thread knows that something waits
        self._drainer: asyncio.Task[None] | None = None  # touched in that thread only
        self._subscribed: list[tuple[str, Callable[[Msg], None]]] = []
        self._on_connect: list[Callable[[], None]] = []
        self._fault: str | None = "no node of the cluster was reached yet"
        self._told: str | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)

    @property
    def fault(self) -> str | None:
        """Why no node is reached at the moment, in words; None while one is."""
        return None if self.is_connected else self._fault or _LOST

    @property
    def is_connected(self) -> bool:
        """Whether a node is reached."""
        client = self._client
        return client is not None and client.is_connected

    def subscribe(self, subject: str, take: "Callable[[Msg], None]") -> None:
        """Hand on what comes there, in the loop's thread, which `take` must not hold up. Before `start` only."""
        self._subscribed.append((subject, take))

    def when_connected(self, call: Callable[[], None]) -> None:
        """Call it in the loop's thread at each connection, the first and the later ones. Before `start` only."""
        self._on_connect.append(call)

    def start(self) -> None:
        """Begin to connect. Returns at once; absent nodes are tried again."""
        self._thread.start()

    def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send, when there is a connection. What is too much while there is none is lost, the oldest first."""
        with self._lock:
            if self._stopped:
                return
            self._out.append((subject, payload, reply))
            first, self._is_woken = not self._is_woken, True
            if first:
                self._loop.call_soon_threadsafe(self._begin_drain)

    def call(self, asked: "Callable[[Client], Coroutine[Any, Any, Any]]", timeout: float) -> Any:
        """What `asked` gives for the library's client, from another thread. Raises WireError, or what it raises."""
        client = self._client
        if client is None or not client.is_connected or self._stopped:
            raise WireError(f"cluster: {self.fault or 'no node is reached'}: it is tried again")
        future = asyncio.run_coroutine_threadsafe(asked(client), self._loop)
        try:
            return future.result(timeout)
        except (TimeoutError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            future.cancel()
            raise WireError(f"cluster: no answer from the nodes for {timeout:g} s: it is tried again") from None

    def soon(self, call: Callable[[], None]) -> None:
        """Have something done in the loop's thread."""
        with self._lock:
            if not self._stopped:
                self._loop.call_soon_threadsafe(call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """The same after a while. In the loop's thread only."""
        self._loop.call_later(seconds, call)

    def stop(self) -> None:
        """Send what waits, disconnect and end the thread."""
        if self._thread.ident is None:
            self._loop.close()
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(2 * _STOP_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        finally:
            with self._lock:
                self._stopped = True
            rest = asyncio.all_tasks(self._loop)
            for task in rest:
                task.cancel()
            if rest:
                self._loop.run_until_complete(asyncio.wait(rest, timeout=_STOP_S))
            self._loop.run_until_complete(asyncio.sleep(0))  # transports that were closed are put away
            self._loop.close()

    async def _live(self) -> None:
        connecting = self._loop.create_task(self._connect())
        await self._stopping.wait()
        connecting.cancel()
        client = self._client
        if client is None:
            return
        try:
            if client.is_connected:
                await asyncio.wait_for(self._drain(), _STOP_S)
                await asyncio.wait_for(client.flush(), _STOP_S)
        except Exception as error:  # noqa: BLE001 - it ends, whatever the library says
            self._say(error)
        finally:
            try:
                await asyncio.wait_for(client.close(), _STOP_S)
            except Exception as error:  # noqa: BLE001
                self._say(error)

    async def _connect(self) -> None:
        while True:
            try:
                await self._be_connected()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - of many kinds: the library's, ssl's, the system's
                why = (self._told or "none lets it in") if isinstance(error, TimeoutError) else _words(error)
                self._fault = f"no node of the cluster is reached: {why}"
                await asyncio.sleep(_PAUSE_S)

    async def _be_connected(self) -> None:
        """Connect, and return when the library has given that up."""
        import nats

        servers = list(self._access.servers)
        connecting = nats.connect(
            servers, name=self._name, user=self._access.username,
            password=self._access.password, tls=self._access.tls, connect_timeout=_CONNECT_S,
            allow_reconnect=True, max_reconnect_attempts=-1, reconnect_time_wait=_PAUSE_S,
            ping_interval=_PING_S, max_outstanding_pings=_PINGS, pending_size=_PENDING_BYTES,
            error_cb=self._heard_error, reconnected_cb=self._connected,
        )  # fmt: skip
        # The library waits for good where a node breaks off the handshake of TLS, and asks no other.
        client = await asyncio.wait_for(connecting, _CONNECT_S * (1 + len(servers)))
        self._client = client
        try:
            for subject, take in self._subscribed:
                await client.subscribe(subject, cb=_taking(take))
            await self._connected()
        except Exception:  # sent off already
            await asyncio.wait_for(client.close(), _STOP_S)
            raise
        # It comes back by itself where a node is gone, and not where one has sent it off with an error. It calls nobody
        # then if there was something left to send, and who waits in it to send that waits for good.
        while not client.is_closed:
            await asyncio.sleep(_PAUSE_S)
        if self._drainer is not None:
            self._drainer.cancel()
            self._drainer = None

    async def _connected(self) -> None:
        self._fault = self._told = None
        for call in self._on_connect:
            call()
        self._begin_drain()

    async def _heard_error(self, error: Exception) -> None:
        self._say(error)

    def _say(self, error: Exception) -> None:
        words = _words(error)
        if words and words != self._told:
            self._told = words
            log.info("cluster: %s", words)

    def _begin_drain(self) -> None:
        if self._drainer is None and self.is_connected:
            self._drainer = self._loop.create_task(self._drain_all())

    async def _drain_all(self) -> None:
        try:
            await self._drain()
        except Exception as error:  # noqa: BLE001 - the library's; it is tried again
            self._say(error)
            self._loop.call_later(_PAUSE_S, self._begin_drain)
        finally:
            if self._drainer is asyncio.current_task():
                self._drainer = None

    async def _drain(self) -> None:
        """Hand all that waits to the library, which sends it."""
        client = self._client
        while client is not None and client.is_connected:
            with self._lock:
                if not self._out:
                    self._is_woken = False
                    return
                subject, payload, reply = self._out.popleft()
            await client.publish(subject, payload, reply)


def _taking(take: "Callable[[Msg], None]") -> "Callable[[Msg], Coroutine[Any, Any, None]]":
    async def taken(message: "Msg") -> None:
        take(message)

    return taken


def _words(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
