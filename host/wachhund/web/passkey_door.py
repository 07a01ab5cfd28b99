"""The door for passkeys: what is asked of a browser, and who comes in by its answer."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from wachhund.ledger import Ledger
from wachhund.ledger.passkeys import Passkey
from wachhund.people import passkeys
from wachhund.people.inviting import hashed
from wachhund.people.passkeys import Site
from wachhund.web.acting import Asker
from wachhund.web.attempts import SharedAttempts, neighbourhood
from wachhund.web.challenges import Challenges
from wachhund.web.door import CameFrom, Door
from wachhund_evidence import MisuseError

MAX_NAME_CHARACTERS = 60
# Whoever only begins proves nothing and costs a challenge: five minutes of all of them are fewer than are kept.
BEGINNINGS_FOR_ONE = 20
BEGINNINGS_TOGETHER = 200


class PasskeyDoor:
    """Lets people in by passkeys, and makes them. Safe to use from several threads. `site` None: there can be none."""

    def __init__(
        self, ledger: Ledger, door: Door, site: Site | None, clock: Callable[[], float] = time.time,
        challenges: Challenges | None = None,
    ) -> None:  # fmt: skip
        self.site = site
        self._ledger, self._door, self._clock = ledger, door, clock
        self._challenges = challenges or Challenges(ledger.held_once)
        self._beginnings = SharedAttempts(
            ledger, "begin passkey", for_one=BEGINNINGS_FOR_ONE, together=BEGINNINGS_TOGETHER
        )

    def _site(self) -> Site:
        if self.site is None:
            raise MisuseError("passkey: there can be none here: start the host with --pages-at https://NAME")
        return self.site

    # Coming in

    def begin(self, came: CameFrom) -> tuple[str, dict[str, Any]]:
        """A token that only this browser gets, and what it is asked. Raises TooManyAttempts, and MisuseError."""
        site = self._site()
        self._beginnings.note(neighbourhood(came.address))
        token = secrets.token_urlsafe(24)
        challenge = self._challenges.new(f"come in {hashed(token)}")
        return token, passkeys.ask_to_show(site, challenge.value)

    def by_passkey(self, token: str, answer: str, came: CameFrom) -> str | None:
        """A new login token, or None: nothing is said about what was wrong. Raises TooManyAttempts, and MisuseError."""
        site = self._site()
        self._door.note(came)
        challenge = self._challenges.take(f"come in {hashed(token)}")
        claim = passkeys.claim_of(answer)
        if challenge is None or claim is None:
            return None
        passkey = self._ledger.passkeys.find(claim.id)
        if passkey is None or passkey.handle != claim.handle or passkey.site != site.name:
            return None
        count = passkeys.shown(site, challenge.value, answer, passkey.public_key)
        person = self._ledger.people.person(passkey.person)
        if count is None or person is None or person.disabled_t is not None:
            return None
        if not self._ledger.passkeys.use(passkey, count, self._clock()):
            return None
        return self._door.log_in(person.name, "passkey", came)

    # Making one

    def begin_new(self, one: Asker, title: str) -> dict[str, Any]:
        """What a browser is asked, to make a passkey of that title. The caller has seen the password. MisuseError."""
        site, title = self._site(), title.strip()
        if not title or len(title) > MAX_NAME_CHARACTERS or not title.isprintable():
            raise MisuseError(f"passkey: give it a name in 1 to {MAX_NAME_CHARACTERS} characters: on what does it lie?")
        held = [each for each in self._ledger.passkeys.of(one.name) if each.site == site.name]
        if title in (each.name for each in held):
            raise MisuseError(f"passkey {title!r}: you have one of that name: give another name")
        handle = held[0].handle if held else passkeys.new_handle()
        challenge = self._challenges.new(f"make {one.login}", title, handle)
        return passkeys.ask_to_make(site, one.name, handle, challenge.value, [each.key_id for each in held])

    def add(self, one: Asker, answer: str) -> bool:
        """Keep what the browser made. False: the answer is not right, or came too late. Raises MisuseError."""
        site = self._site()
        challenge = self._challenges.take(f"make {one.login}")
        made = None if challenge is None else passkeys.made(site, challenge.value, answer)
        if challenge is None or made is None:
            return False
        now = self._clock()
        passkey = Passkey(
            one.name, challenge.title, made.id, challenge.handle, site.name, made.public_key, made.count,
            made.is_synced, now,
        )  # fmt: skip
        self._ledger.passkeys.add(passkey, by=one.who, t=now)
        return True
