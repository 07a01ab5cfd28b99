"""What happens on the wire, and what somebody does there who has no key."""

import base64
import json
import secrets
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.faults.inner.wire import Weather
from tests.faults.inner.world import World
from wachhund_evidence import (
    ReceiptClaims,
    pack_message,
    read_evidence,
    read_receipt,
    sign_evidence,
    sign_receipt,
    thumbprint,
    unpack_message,
)


def _storm(world: World, weather: Weather, seconds: float) -> None:
    world.wire.weather = weather
    world.run(seconds)
    world.wire.clear_up()


def messages_lost(world: World) -> None:
    _storm(world, Weather(lost=world.chance.choice((0.2, 0.6, 1.0))), 60.0)


def messages_doubled(world: World) -> None:
    _storm(world, Weather(twice=0.7, jitter_s=3.0), 40.0)


def messages_out_of_order(world: World) -> None:
    _storm(world, Weather(jitter_s=world.chance.choice((2.0, 30.0))), 60.0)


def messages_late(world: World) -> None:
    _storm(world, Weather(delay_s=world.chance.choice((5.0, 50.0))), 90.0)


def messages_spoilt(world: World) -> None:
    _storm(world, Weather(spoilt=0.6), 60.0)


def everything_at_once(world: World) -> None:
    _storm(world, Weather(lost=0.3, twice=0.3, spoilt=0.2, delay_s=0.5, jitter_s=10.0), 120.0)


def cut(world: World) -> None:
    world.wire.cut()
    world.run(world.chance.choice((1.0, 10.0, 100.0)))
    world.wire.connect()


def cut_for_long(world: World) -> None:
    """Longer than the journal has room for."""
    world.wire.cut()
    world.run(world.chance.choice((600.0, 3600.0)), dt=2.0)
    world.wire.connect()


def connections_come_and_go(world: World) -> None:
    for _ in range(8):
        world.wire.cut()
        world.run(0.5)
        world.wire.connect()
        world.run(world.chance.choice((0.5, 1.5, 4.0)))


def broker_restarts(world: World) -> None:
    """It keeps nothing: the robot is back before the host, or after it."""
    world.wire.cut()
    world.holds_host = True
    world.run(3.0)
    world.wire.connect()
    world.run(world.chance.choice((0.5, 5.0)))
    world.holds_host = False


def old_receipts_played_again(world: World) -> None:
    for receipt in list(world.wire.heard_receipts):
        world.wire.inject_receipt(receipt)
    world.run(5.0)
    world.wire.cut()
    world.wire.connect()
    for receipt in list(world.wire.heard_receipts):
        world.wire.inject_receipt(receipt)
    world.run(5.0)


def old_evidence_played_again(world: World) -> None:
    heard = list(world.wire.heard_evidence)
    world.chance.shuffle(heard)
    for message in heard:
        world.wire.inject_evidence(message)
    world.run(5.0)


def tokens_forged(world: World) -> None:
    """With another key, altered, of another robot, and rubbish."""
    stranger = Ed25519PrivateKey.generate()
    for message in list(world.wire.heard_evidence)[-20:]:
        text = unpack_message(message)
        claims = read_evidence(text, world.robot.keys, world.robot.ueid)
        ahead = replace_claims(claims, seq=claims.seq + world.chance.randrange(1, 500))
        head, body, signature = text.split(".")
        payload = json.loads(base64.urlsafe_b64decode(body + "=="))
        payload["seq"] += 1
        altered = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
        for forged in (
            sign_evidence(ahead, stranger),
            f"{head}.{altered}.{signature}",
            f"{head}.{body}.{signature[:-4]}AAAA",
            f"{head}.{body}.",
        ):
            world.wire.inject_evidence(pack_message(forged))
        world.wire.inject_evidence(secrets.token_bytes(40))
        world.wire.inject_evidence(b"\x78\x9c" + message[2:30])
    world.run(5.0)


def replace_claims(claims: object, **changes: object) -> object:
    """Claims are a dataclass or a named tuple, as their room likes."""
    if hasattr(claims, "_replace"):
        return claims._replace(**changes)
    return replace(claims, **changes)  # type: ignore[type-var]


def receipts_forged(world: World) -> None:
    """Receipts that would make the robot forget everything, if it believed them."""
    stranger, host_keys = Ed25519PrivateKey.generate(), {thumbprint(world.host.keys.key.public_key()): world.host.keys}
    keys = {kid: one.key.public_key() for kid, one in host_keys.items()}
    journal = world.robot.journal
    assert journal is not None
    for message in list(world.wire.heard_receipts)[-20:]:
        claims: ReceiptClaims = read_receipt(unpack_message(message), keys, world.robot.ueid)
        far = replace(claims, chain=journal.chain, seq=journal.next_seq - 1, head=journal.prev, held=())
        text = message.decode("ascii")
        head, body, signature = text.split(".")
        payload = json.loads(base64.urlsafe_b64decode(body + "=="))
        payload["seq"] = 10**6
        altered = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
        for forged in (sign_receipt(far, stranger), f"{head}.{altered}.{signature}", f"{head}.{body}.AAAA"):
            world.wire.inject_receipt(forged.encode("ascii"))
        world.wire.inject_receipt(secrets.token_bytes(60))
    world.run(5.0)
