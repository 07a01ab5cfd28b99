"""From the queue to a real receiver and back: retried, bounded, noted; by the real process that sends."""

import json
import threading
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.unit.host.notify.conftest import Saves, T
from tests.unit.host.notify.receivers import Mailbox, mail, webhooks
from tests.unit.host.notify.test_deciding import turn
from wachhund.ledger import Ledger, notify_queue
from wachhund.ledger.notify_records import DEAD, DELIVERED, WAITING, Message
from wachhund.notify import targets
from wachhund.notify.delivering import Delivery
from wachhund.notify.repairs import repairs
from wachhund.notify.retrying import DEAD_AFTER_S, LONGEST_S, wait_s
from wachhund.notify.sealing import Sealer, Secrets
from wachhund_evidence import MisuseError

ROUTE = targets.route("low", (), None, None, None, 0.0, "ada", T)


def deliver(ledger: Ledger, sealer: Sealer, name: str, t: float) -> None:
    """One round of delivering, at that time."""
    target = ledger.notifying.target(name)
    Delivery(ledger.notifying, sealer, target, threading.Event(), lambda: t).run()


def told(ledger: Ledger, incident: str = "a") -> list[Message]:
    return ledger.notifying.told_of(incident)


def add_hook(ledger: Ledger, sealer: Sealer, url: str, name: str = "hook") -> None:
    targets.add(ledger.notifying, sealer, name, url, ["127.0.0.1"], ROUTE, True, "ada", T)


def test_a_message_waits_for_its_receiver_and_arrives_once(ledger: Ledger, sealer: Sealer, save: Saves) -> None:
    """Refused, then answered 503, then taken: one message, one id, its words kept each time."""
    port = free_port()
    add_hook(ledger, sealer, f"http://127.0.0.1:{port}/in")
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    deliver(ledger, sealer, "hook", T + 4)
    (message,) = told(ledger)
    assert (message.state, message.attempts, message.words) == (WAITING, 1, "Connection refused")
    assert ledger.notifying.target("hook").retry_t == T + 4 + wait_s(1)
    with webhooks(port) as hook:
        hook.answer = lambda path: (503, {}, b"later")
        deliver(ledger, sealer, "hook", T + 20)
        hook.answer = lambda path: (200, {}, b"ok")
        for t in (T + 40, T + 60):
            deliver(ledger, sealer, "hook", t)
    assert hook.ids == [message.id, message.id]  # once refused, once taken
    (message,) = told(ledger)
    assert (message.state, message.attempts, message.words) == (DELIVERED, 3, "HTTP 200 OK: ok")
    assert message.body is None, "what has arrived keeps no text"
    Ledger.open(ledger.path).close()  # it takes the file for whole
    assert ledger.notifying.target("hook").failures == 0


def test_what_never_arrives_is_given_up_after_a_day_and_somebody_is_reminded(
    ledger: Ledger, sealer: Sealer, save: Saves
) -> None:
    """Bounded, and said: until the target works again."""
    port = free_port()
    add_hook(ledger, sealer, f"http://127.0.0.1:{port}")
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    for t in (T + 4, T + 400, T + 800):
        deliver(ledger, sealer, "hook", t)
    (repair,) = repairs(ledger.notifying, T + 801)
    assert repair.what == "hook: 3 tries in a row failed, 1 messages wait: Connection refused"
    deliver(ledger, sealer, "hook", T + 4 + DEAD_AFTER_S)
    (message,) = told(ledger)
    assert (message.state, message.body) == (DEAD, None) and str(message.words).startswith("given up after a day")
    (repair,) = repairs(ledger.notifying, T + 5 + DEAD_AFTER_S)
    assert repair.what.startswith("hook: 1 messages were given up") and "send a test" in repair.to_do
    with webhooks(port):
        assert targets.test(ledger.notifying, sealer, "hook", "ada", "https://host/").ok


def test_one_message_that_is_never_taken_holds_up_no_other(ledger: Ledger, sealer: Sealer, save: Saves) -> None:
    """It is tried again behind those that were tried less."""
    with webhooks() as hook:
        add_hook(ledger, sealer, hook.url)
        save("poison")
        for t in (T, T + 3):
            turn(ledger, t)
        bad = told(ledger, "poison")[0].id
        hook.answer = lambda path: (400 if hook.ids[-1] == bad else 200, {}, b"")
        deliver(ledger, sealer, "hook", T + 4)
        save("good", last_t=T + 10)
        for t in (T + 10, T + 13):
            turn(ledger, t)
        deliver(ledger, sealer, "hook", T + 20)
    assert told(ledger, "good")[0].state == DELIVERED
    assert (told(ledger, "poison")[0].state, told(ledger, "poison")[0].words) == (WAITING, "HTTP 400 Bad Request")


def test_back_off_grows_and_is_bounded() -> None:
    waits = [wait_s(failures) for failures in range(1, 12)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0] and waits == sorted(waits) and waits[-1] == LONGEST_S
    assert wait_s(10**6) == LONGEST_S


def test_mail_goes_by_apprise_with_the_id_in_it_and_the_servers_words_come_back(
    ledger: Ledger, sealer: Sealer, save: Saves
) -> None:
    """A real SMTP server: what it refuses is told in its words; what it takes is one mail, text only."""
    port, box = free_port(), Mailbox()
    with mail(port, box):
        made = targets.add(
            ledger.notifying, sealer, "post",
            f"mailto://127.0.0.1:{port}?from=host@example.org&to=ops@example.org&mode=insecure", ["127.0.0.1"], ROUTE,
            True, "ada", T,
        )  # fmt: skip
        assert made.target.shown == "E-Mail to ops@example.org" and made.signing is None
        box.answer = "554 we know no such person"
        answer = targets.test(ledger.notifying, sealer, "post", "ada", "https://host/")
        assert not answer.ok and "we know no such person" in answer.words
        assert ledger.notifying.target("post").tested_ok is False
        box.answer = "250 taken"
        save("a", title="<b>A relay</b> http://evil.example\r\nBcc: x@evil.example")
        for t in (T, T + 3):
            turn(ledger, t)
        deliver(ledger, sealer, "post", T + 4)
    (message,) = told(ledger)
    assert message.state == DELIVERED, message.words
    (text,) = box.mails
    assert f"X-Wachhund-Message: {message.id}" in text and "text/html" not in text and "\nBcc:" not in text
    assert "To: ops@example.org" in text


def test_no_secret_of_an_address_leaves_its_place(
    ledger: Ledger, sealer: Sealer, data: object, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not into the ledger's file, a listing, a refusal or a log; and what is sealed fits one target only."""
    secret = "hunter2-correct-horse"
    post = f"mailtos://ada:{secret}@127.0.0.1:1?from=h@example.org&to=a@example.org"
    for address in (post, f"http://127.0.0.1:1/{secret}"):
        name = address.partition(":")[0]
        add_hook(ledger, sealer, address, name)
        answer = targets.test(ledger.notifying, sealer, name, "ada", "https://host/")
        assert not answer.ok and answer.words and secret not in answer.words
    with pytest.raises(MisuseError) as refused:
        add_hook(ledger, sealer, f"nonsense://{secret}@x", "bad")
    standing = ledger.notifying.standing(T)
    told_anywhere = repr(standing) + str(refused.value) + json.dumps([one.shown for one in standing.targets])
    assert secret not in told_anywhere and secret not in "".join(capfd.readouterr())
    with ledger.notifying.writing():
        pass
    for path in (tmp_path / "data").iterdir():
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    first, second = standing.targets
    with pytest.raises(MisuseError, match=r"can't be read"):
        sealer.open(first.sealed, second.id)
    assert repr(sealer.open(second.sealed, second.id)) == "Secrets()" and Secrets("a", "b") == Secrets("a", "b")


def test_the_queue_says_once_that_a_message_waits(ledger: Ledger, sealer: Sealer, save: Saves) -> None:
    """Two that try to begin the same: each counts; one that has arrived begins no more."""
    add_hook(ledger, sealer, "http://127.0.0.1:1")
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    (message,) = told(ledger)
    with ledger.notifying.writing() as connection:
        assert notify_queue.begin(connection, message.id, T)
        notify_queue.settle(connection, message.id, DELIVERED, "taken", T)
        assert not notify_queue.begin(connection, message.id, T)
        notify_queue.settle(connection, message.id, WAITING, "late answer", T)
    assert told(ledger)[0].state == DELIVERED


def test_removing_a_target_withdraws_what_waits_for_it(ledger: Ledger, sealer: Sealer, save: Saves) -> None:
    add_hook(ledger, sealer, "http://127.0.0.1:1")
    save("a")
    for t in (T, T + 3):
        turn(ledger, t)
    ledger.notifying.remove("hook", T + 4, "ada")
    (message,) = told(ledger)
    assert (message.state, message.body, message.target_name) == ("withdrawn", None, "hook")
    assert ledger.notifying.standing(T).routes == ()
