"""Who may come in: passwords, one-time codes, logins, and how often one may try.

Passwords are kept as argon2id (RFC 9106), logins and codes as SHA-256 of 32 random bytes: whoever reads the ledger can
log in with nothing that stands there.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import argon2

LOGIN_S = 24 * 3600  # a login ends by itself after a day
CODE_S = 3600  # a one-time code is for the person who just started the host
# Attempts in a window, per address and together: a person mistypes a few times, a guesser needs millions.
WINDOW_S = 60
ATTEMPTS_PER_ADDRESS = 10
ATTEMPTS_TOGETHER = 60
_ADDRESSES_KEPT = 1024
_MAX_PASSWORD_CHARACTERS = 1024


class OperatorRow(Protocol):
    """An operator as the ledger keeps it."""

    @property
    def name(self) -> str: ...
    @property
    def password_hash(self) -> str: ...


class LoginRow(Protocol):
    """A login as the ledger keeps it; `expires_t` is host time."""

    @property
    def operator(self) -> str: ...
    @property
    def expires_t(self) -> float: ...


class DoorStore(Protocol):
    """The part of the ledger that this room needs."""

    def operator(self, name: str) -> OperatorRow | None: ...
    def save_operator(self, name: str, password_hash: str, t: float) -> None: ...
    def save_web_session(self, token_hash: str, operator: str, expires_t: float) -> None: ...
    def web_session(self, token_hash: str) -> LoginRow | None: ...
    def delete_web_session(self, token_hash: str) -> None: ...


@dataclass(frozen=True)
class FirstKeys:
    """What the first start prints, once: the operator's name, password and one-time code."""

    operator: str
    password: str
    code: str


class TooManyAttempts(Exception):
    """Try again after `wait_s` whole seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many attempts: try again in {wait_s} s")
        self.wait_s = wait_s


class Attempts:
    """Counts attempts in a sliding window; the addresses kept are bounded, the oldest forgotten first."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()
        self._together: deque[float] = deque(maxlen=ATTEMPTS_TOGETHER)

    def note(self, address: str) -> None:
        """Count one attempt. Raises TooManyAttempts, which is not counted: waiting always helps."""
        now = self._monotonic()
        with self._lock:
            mine = self._by_address.setdefault(address, deque(maxlen=ATTEMPTS_PER_ADDRESS))
            self._by_address.move_to_end(address)
            while len(self._by_address) > _ADDRESSES_KEPT:
                self._by_address.popitem(last=False)
            for times in (mine, self._together):
                if len(times) == times.maxlen and now - times[0] < WINDOW_S:
                    raise TooManyAttempts(int(WINDOW_S - (now - times[0])) + 1)
            mine.append(now)
            self._together.append(now)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Door:
    """Checks who comes in. Safe to use from several threads."""

    def __init__(self, store: DoorStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._hasher = argon2.PasswordHasher()
        self._one_at_a_time = threading.Lock()  # argon2 takes 64 MiB: no crowd of guessers may multiply it
        self._code: tuple[str, str, float] | None = None  # (hash, operator, expires)
        # A name that does not exist must take as long as one that does.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self.attempts = Attempts()

    def first_keys(self, operator: str = "admin") -> FirstKeys | None:
        """Make the operator with a random password, unless it exists: then None."""
        if self._store.operator(operator) is not None:
            return None
        password = secrets.token_urlsafe(15)
        self._store.save_operator(operator, self._hasher.hash(password), self._clock())
        return FirstKeys(operator, password, self.new_code(operator))

    def new_code(self, operator: str) -> str:
        """A one-time code for that operator; the one before it is void. It lives in this process only."""
        code = secrets.token_urlsafe(24)
        self._code = (_hashed(code), operator, self._clock() + CODE_S)
        return code

    def by_password(self, name: str, password: str, address: str) -> str | None:
        """A new login token, or None. Raises TooManyAttempts."""
        self.attempts.note(address)
        row = self._store.operator(name)
        with self._one_at_a_time:
            right = self._is_right(self._nobody if row is None else row.password_hash, password)
        return self._login(row.name) if right and row is not None else None

    def _is_right(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[:_MAX_PASSWORD_CHARACTERS])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def by_code(self, code: str, address: str) -> str | None:
        """A new login token for a one-time code, which is used up. None if it is wrong or old."""
        self.attempts.note(address)
        with self._one_at_a_time:
            if self._code is None:
                return None
            right, operator, expires = self._code
            if not hmac.compare_digest(right, _hashed(code)) or self._clock() > expires:
                return None
            self._code = None
        return self._login(operator)

    def _login(self, operator: str) -> str:
        token = secrets.token_urlsafe(32)
        self._store.save_web_session(_hashed(token), operator, self._clock() + LOGIN_S)
        return token

    def who(self, token: str | None) -> str | None:
        """The operator whose login this is, while it holds."""
        if not token:
            return None
        login = self._store.web_session(_hashed(token))
        return login.operator if login is not None and login.expires_t > self._clock() else None

    def leave(self, token: str | None) -> None:
        """End a login."""
        if token:
            self._store.delete_web_session(_hashed(token))
