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

import argon2

from wachhund.ledger import Ledger, Person, WebLogin
from wachhund.people.roles import ALL, Grant, Role
from wachhund.web.acting import Asker

LOGIN_S = 24 * 3600  # a login ends by itself after a day
CODE_S = 3600  # a one-time code is for the person who just started the host
# Attempts in a window, per address and together: a person mistypes a few times, a guesser needs millions.
WINDOW_S = 60
ATTEMPTS_PER_ADDRESS = 10
ATTEMPTS_TOGETHER = 60
_ADDRESSES_KEPT = 1024
_MAX_PASSWORD_CHARACTERS = 1024


@dataclass(frozen=True)
class CameFrom:
    """Where somebody comes from, as their request says: shown with the login, believed for nothing."""

    address: str
    program: str = ""


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

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self._people = ledger.people
        self._clock = clock
        self._hasher = argon2.PasswordHasher()
        self._one_at_a_time = threading.Lock()  # argon2 takes 64 MiB: no crowd of guessers may multiply it
        self._code: tuple[str, str, float] | None = None  # (hash, operator, expires)
        # A name that does not exist must take as long as one that does.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self.attempts = Attempts()

    def first_keys(self, operator: str = "admin") -> FirstKeys | None:
        """Make the operator with a random password, unless there is somebody already: then None."""
        if self._people.all():
            return None
        password = secrets.token_urlsafe(15)
        self._people.make(
            operator, self._hasher.hash(password), {ALL: Role.ADMIN}, by="the host", why="first start", t=self._clock()
        )
        return FirstKeys(operator, password, self.new_code(operator))

    def new_code(self, operator: str) -> str:
        """A one-time code for that operator; the one before it is void. It lives in this process only."""
        code = secrets.token_urlsafe(24)
        self._code = (_hashed(code), operator, self._clock() + CODE_S)
        return code

    def by_password(self, name: str, password: str, came: CameFrom) -> str | None:
        """A new login token, or None. Raises TooManyAttempts."""
        self.attempts.note(came.address)
        person = self._people.person(name)
        usable = person is not None and person.disabled_t is None and person.password_hash
        with self._one_at_a_time:
            right = self._is_right(person.password_hash if person is not None and usable else self._nobody, password)
        return self._login(name, "password", came) if right and usable else None

    def _is_right(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[:_MAX_PASSWORD_CHARACTERS])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def by_code(self, code: str, came: CameFrom) -> str | None:
        """A new login token for a one-time code, which is used up. None if it is wrong or old."""
        self.attempts.note(came.address)
        with self._one_at_a_time:
            if self._code is None:
                return None
            right, operator, expires = self._code
            if not hmac.compare_digest(right, _hashed(code)) or self._clock() > expires:
                return None
            self._code = None
        person = self._people.person(operator)
        if person is None or person.disabled_t is not None:
            return None
        return self._login(operator, "one-time code", came)

    def _login(self, name: str, way: str, came: CameFrom) -> str:
        token, now = secrets.token_urlsafe(32), self._clock()
        self._people.save_login(WebLogin(_hashed(token), name, now + LOGIN_S, now, way, came.address, came.program))
        return token

    def asker(self, token: str | None, bearer: str | None = None) -> Asker | None:
        """Who it is whose login this is, while it holds."""
        if not token:
            return None
        found = self._people.login(_hashed(token))
        if found is None or found[0].expires_t <= self._clock() or found[1].disabled_t is not None:
            return None
        return Asker(found[1].name, grants_of(found[1]), self._people.groups(), found[0].token_hash)

    def who(self, token: str | None) -> str | None:
        """The name of the person whose login this is, while it holds."""
        found = self.asker(token)
        return None if found is None else found.name

    def leave(self, token: str | None) -> None:
        """End a login."""
        found = self.asker(token)
        if found is not None:
            login = found.login[:16]
            self._people.end_login(found.name, login, by=found.name, t=self._clock())


def grants_of(person: Person) -> tuple[Grant, ...]:
    """A person's grants. A role that this version does not know gives nothing."""
    known = {role.value for role in Role}
    return tuple(Grant(Role(role), group) for group, role in person.grants.items() if role in known)
