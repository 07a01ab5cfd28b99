"""The door for single sign-on: where a browser is sent, and who comes in when it is back."""

import dataclasses
import json
import logging
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping

from wachhund.ledger import Ledger
from wachhund.ledger.sign_ons import Comer
from wachhund.people import single_sign_on
from wachhund.people.inviting import hashed
from wachhund.people.sign_on_config import SignOn
from wachhund.people.single_sign_on import Provider, SignOnFailed, Try
from wachhund.web.attempts import SharedAttempts, neighbourhood
from wachhund.web.door import CameFrom, Door
from wachhund.web.https_asking import NotAnswered, ask, trusting
from wachhund_evidence import MisuseError

HOLDS_S = 600.0  # a person types a password and a code there
BACK = "/login/single-sign-on/back"
_KIND = "single sign-on"
_DESCRIBED_S = 3600.0  # for so long what the provider said of itself is believed
_AWAY_S = 10.0  # a provider that did not answer is not asked again so soon: whoever waits for it holds a thread
_KEYS_AGAIN_S = 60.0  # a key that is not known makes the host ask for the keys, and not more often
_log = logging.getLogger(__name__)


class SignOnDoor:
    """Lets people in by single sign-on. Safe to use from several threads. `origin`: of our pages."""

    def __init__(
        self, ledger: Ledger, door: Door, config: SignOn, origin: str, clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.title = config.title
        self._ledger, self._door, self._config, self._origin = ledger, door, config, origin
        self._clock, self._monotonic = clock, monotonic
        self._beginnings = SharedAttempts(ledger, "begin single sign-on", clock, for_one=20, together=200)
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._described: tuple[float, Provider] | None = None
        self._away: tuple[float, str] | None = None
        self._keys: tuple[float, object] | None = None

    def begin(self, target: str, came: CameFrom) -> tuple[str, str]:
        """A token that only this browser gets, and where to send it. Raises SignOnFailed, TooManyAttempts."""
        self._beginnings.note(neighbourhood(came.address))
        one = single_sign_on.new_try(target)
        address = single_sign_on.address(self._config, self._provider(), self._origin + BACK, one)
        token = secrets.token_urlsafe(24)
        body, now = json.dumps(dataclasses.asdict(one)), self._clock()
        self._ledger.held_once.put(_KIND, hashed(token), body, until_t=now + HOLDS_S, now=now)
        return token, address

    def come_back(self, token: str, query: Mapping[str, str], came: CameFrom) -> tuple[str, str]:
        """A new login token, and where the person wanted to go. Raises SignOnFailed, TooManyAttempts."""
        self._door.note(came)
        held = self._ledger.held_once.take(_KIND, hashed(token), self._clock())
        if held is None:
            raise SignOnFailed(
                f"single sign-on: this log-in was not begun in this browser at {self._origin}, or took too long: "
                "begin again"
            )
        one, provider = Try(**json.loads(held)), self._provider()
        code = single_sign_on.code_of(provider, one, query)
        request = single_sign_on.token_request(self._config, provider, self._origin + BACK, one, code)
        told = self._ask(provider.token, request.body, request.headers)
        answer: Mapping[str, object] = told if isinstance(told, dict) else {}
        keys = self._keys_for(provider, str(answer.get("id_token", "")))
        claims = single_sign_on.claims_of(self._config, keys, one, answer, self._clock())
        name = single_sign_on.name_of(self._config, claims)
        role = single_sign_on.role_of(self._config, claims)
        comer = Comer(provider.issuer, claims["sub"], name, role)
        now = self._clock()
        try:
            person = self._ledger.sign_ons.person(comer, self._config.group_claim is not None, now)
            return self._door.log_in(person, "single sign-on", came), one.target
        except MisuseError as error:
            self._ledger.sign_ons.refused(comer, str(error), now)
            raise SignOnFailed(str(error)) from None

    def _provider(self) -> Provider:
        with self._lock:
            now = self._monotonic()
            if self._described is None or now - self._described[0] > _DESCRIBED_S:
                if self._away is not None and now - self._away[0] < _AWAY_S:
                    raise SignOnFailed(self._away[1])
                try:
                    said = self._ask(single_sign_on.discovery_address(self._config))
                    self._described = (now, single_sign_on.provider_of(self._config, said))
                except SignOnFailed as error:
                    self._away = (now, str(error))
                    raise
                self._keys = None
            return self._described[1]

    def _keys_for(self, provider: Provider, id_token: str) -> object:
        """The provider's keys, asked for again where the token names one that is not among them: it may be new."""
        with self._lock:
            now = self._monotonic()
            is_old = self._keys is None or now - self._keys[0] > _KEYS_AGAIN_S
            if self._keys is None or (is_old and not _has(self._keys[1], single_sign_on.key_of(id_token))):
                self._keys = (now, self._ask(provider.keys))
            return self._keys[1]

    def _ask(self, address: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> object:
        try:
            if self._context is None:
                self._context = trusting(self._config.ca_file)
            return ask(address, self._context, body, headers)
        except NotAnswered as error:
            _log.warning("single sign-on: %s: %s", address, error)
            raise SignOnFailed(
                f"single sign-on: the provider did not answer as it should ({error}): try again, or log in with your "
                "password"
            ) from None


def _has(keys: object, kid: str | None) -> bool:
    held = keys.get("keys") if isinstance(keys, dict) else None
    return isinstance(held, list) and kid in [key.get("kid") for key in held if isinstance(key, dict)]
