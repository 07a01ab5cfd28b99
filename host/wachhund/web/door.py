"""Who may come in: passwords, one-time codes, logins, and how often one may try.

Passwords are kept as argon2id (RFC 9106), logins and codes as SHA-256 of random bytes: whoever reads the ledger can
log in with nothing that stands there. Strangers can slow each other down, not who has come in from an address before.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wachhund.ledger import Ledger, WebLogin
from wachhund.people import second_factor
from wachhund.people.inviting import hashed
from wachhund.people.passwords import Passwords, check_new
from wachhund.people.roles import ALL, Grant, Role
from wachhund.web.acting import Asker
from wachhund.web.attempts import Attempts, SharedAttempts, neighbourhood
from wachhund_evidence import MisuseError

LOGIN_S = 24 * 3600  # a login ends by itself after a day
_CODE = "one-time code"
CODE_S = 3600  # a one-time code is for the person who just started the host
KNOWN_S = 30 * 86400.0  # an address from which somebody logged in is no stranger's for so long
# Wrong codes of a person whose password was right: with three codes valid at a time, a guesser needs years.
CODES_WINDOW_S = 3600.0
WRONG_CODES = 10


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


class Door:
    """Checks who comes in. Safe to use from several threads."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float] = time.time, passwords: Passwords | None = None
    ) -> None:
        self._people, self._ways_in, self._held = ledger.people, ledger.ways_in, ledger.held_once
        self._clock = clock
        self._passwords = passwords or Passwords()
        self.attempts: SharedAttempts | Attempts = SharedAttempts(ledger, "come in", clock)
        self._wrong_codes = SharedAttempts(
            ledger, "wrong code", clock, window_s=CODES_WINDOW_S, for_one=WRONG_CODES, together=1000
        )

    def first_keys(self, operator: str = "admin") -> FirstKeys | None:
        """Make the operator with a random password, unless there is somebody already: then None."""
        if self._people.all():
            return None
        password = secrets.token_urlsafe(15)
        try:
            self._people.make(
                operator, self._passwords.hash(password), {ALL: Role.ADMIN}, by="the host", why="first start",
                t=self._clock(),
            )  # fmt: skip
        except MisuseError:
            if not self._people.all():
                raise
            return None  # another process started at the same moment, and told its own
        return FirstKeys(operator, password, self.new_code(operator))

    def new_code(self, operator: str) -> str:
        """A one-time code for that operator; the one before it is void."""
        code, now = secrets.token_urlsafe(24), self._clock()
        self._held.put(_CODE, hashed(code), operator, until_t=now + CODE_S, now=now, most=1)
        return code

    def note(self, came: CameFrom) -> None:
        """Count one attempt to come in. Raises TooManyAttempts."""
        address = neighbourhood(came.address)

        def is_known() -> bool:
            known = self._people.known_addresses(self._clock() - KNOWN_S)
            return address in {neighbourhood(one) for one in known}

        self.attempts.note(address, is_known)

    def by_password(self, name: str, password: str, came: CameFrom, second: str = "") -> str | None:
        """A new login token, or None: name, password or second factor is wrong. Raises TooManyAttempts.

        `second`: a code of the second factor, or a recovery code; not looked at when the person has none.
        """
        self.note(came)
        person = self._people.person(name)
        usable = person is not None and person.disabled_t is None
        right = self._passwords.is_right(person.password_hash if person is not None and usable else None, password)
        if not right or not self._has_second(name, second):
            return None
        return self.log_in(name, "password", came)

    def _has_second(self, name: str, second: str) -> bool:
        factor = self._ways_in.factor(name)
        if factor is None:
            return True
        step = second_factor.step_of(factor.secret, second, self._clock())
        if step is not None and step > factor.last_step:
            self._wrong_codes.require_room(name)
            return self._ways_in.take_step(name, step)
        code = second_factor.recovery_hash(second)
        if second and self._ways_in.take_recovery_code(name, code, self._clock()):
            return True
        if second:
            self._wrong_codes.note(name)
        return False

    def by_code(self, code: str, came: CameFrom) -> str | None:
        """A new login token for a one-time code, which is used up. None if it is wrong or old."""
        self.note(came)
        operator = self._held.take(_CODE, hashed(code), self._clock())
        person = None if operator is None else self._people.person(operator)
        if operator is None or person is None or person.disabled_t is not None:
            return None
        return self.log_in(operator, "one-time code", came)

    def by_link(self, code: str, password: str, again: str, came: CameFrom) -> str | None:
        """Set a password by an invitation's or a reset's code, which is used up, and log in. None: wrong, old or used.

        Raises MisuseError for a password that can't be used; the code holds then.
        """
        self.note(came)
        link = self._ways_in.link(hashed(code), self._clock())
        if link is None:
            return None
        check_new(password, again, link.person)
        name = self._ways_in.use_link(hashed(code), self._passwords.hash(password), self._clock())
        return None if name is None else self.log_in(name, link.purpose, came)

    def change_password(self, asker: Asker, old: str, new: str, again: str, came: CameFrom) -> bool:
        """Change one's own password; other logins of oneself end. False: the old one is wrong. Raises MisuseError."""
        self.note(came)
        person = self._people.person(asker.name)
        if person is None or not self._passwords.is_right(person.password_hash, old):
            return False
        check_new(new, again, asker.name)
        self._people.set_password(
            asker.name, self._passwords.hash(new), by=asker.who, why="changed by oneself", t=self._clock(),
            keep=asker.login,
        )  # fmt: skip
        return True

    def is_right_password(self, asker: Asker, password: str, came: CameFrom) -> bool:
        """Whether somebody who is logged in is still the one who knows the password. Raises TooManyAttempts."""
        self.note(came)
        person = self._people.person(asker.name)
        return person is not None and self._passwords.is_right(person.password_hash, password)

    def log_in(self, name: str, way: str, came: CameFrom) -> str:
        """A new login token of a person who has proven to be that one, by `way`. Raises MisuseError: disabled."""
        token, now = secrets.token_urlsafe(32), self._clock()
        self._people.save_login(WebLogin(hashed(token), name, now + LOGIN_S, now, way, came.address, came.program))
        return token

    def asker(self, token: str | None, bearer: str | None = None) -> Asker | None:
        """Who it is whose login this is, while it holds; or whose token a program shows as `bearer`."""
        if bearer:
            return self._by_token(bearer)
        if not token:
            return None
        found = self._people.login(hashed(token))
        if found is None or found[0].expires_t <= self._clock() or found[1].disabled_t is not None:
            return None
        login, person = found
        return Asker(
            person.name, grants_of(person.grants), self._people.groups(), login.token_hash,
            language=person.language, zone=person.zone,
        )  # fmt: skip

    def _by_token(self, bearer: str) -> Asker | None:
        held = self._ways_in.token(hashed(bearer), self._clock())
        if held is None:
            return None
        token, person = held
        return Asker(
            person.name, grants_of(token.roles), self._people.groups(), token=f"{token.id} ({token.name})",
            bound=grants_of(person.grants),
        )  # fmt: skip

    def who(self, token: str | None) -> str | None:
        """The name of the person whose login this is, while it holds."""
        found = self.asker(token)
        return None if found is None else found.name

    def leave(self, token: str | None) -> None:
        """End a login."""
        found = self.asker(token)
        if found is not None:
            self._people.end_login(found.name, found.login[:16], by=found.name, t=self._clock())


def grants_of(given: Mapping[str, str]) -> tuple[Grant, ...]:
    """Grants of group -> role. A role that this version does not know gives nothing."""
    known = {role.value for role in Role}
    return tuple(Grant(Role(role), group) for group, role in given.items() if role in known)
