"""A receiver can check who sent what and when, with anybody's implementation of Standard Webhooks."""

import json

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.unit.host.notify.receivers import webhooks
from wachhund.ledger.notify_records import Target
from wachhund.notify.sealing import Secrets
from wachhund.notify.sending import send_one
from wachhund.notify.webhook import new_secret, signature
from wachhund.notify.wording import of_test, with_id

MESSAGE = with_id(of_test("hook", "ada", 1e9, "https://host/"), "msg_1")


def target(*allowed: str) -> Target:
    return Target("t", "hook", "webhook", "", b"", allowed, False, 0.0, "ada")


def test_the_signature_is_that_of_the_published_example() -> None:
    """Of the documents of Svix, from which Standard Webhooks was made."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_checks_what_we_send_with_the_reference_library() -> None:
    """And refuses it with another secret, or when a byte of it was changed."""
    secret = new_secret()
    with webhooks() as hook:
        answer = send_one(Secrets(f"{hook.url}/in?a=b", secret), target("127.0.0.1"), MESSAGE)
    assert (answer.ok, answer.words) == (True, "HTTP 204 No Content")
    ((path, headers, body),) = hook.got
    assert path == "/in?a=b" and headers["webhook-id"] == "msg_1" and headers["content-type"] == "application/json"
    told = Webhook(secret).verify(body, headers)
    assert told == json.loads(body)
    assert told["type"] == "wachhund.test" and told["data"]["title"] == "Test of hook: you can be told"
    for other, changed in ((new_secret(), body), (secret, body.replace(b"you", b"You"))):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(changed, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, {**headers, "webhook-timestamp": "1000000000"})


def test_an_address_of_this_machine_is_refused_when_it_is_not_named() -> None:
    """Also by a name that leads there; and the receiver hears nothing."""
    with webhooks() as hook:
        for url in (hook.url, f"http://localhost:{hook.port}"):
            answer = send_one(Secrets(url, new_secret()), target(), MESSAGE)
            assert not answer.ok and answer.words.startswith("refused to connect to ")
    assert hook.got == []


def test_a_redirect_is_not_followed_and_is_told() -> None:
    """It would lead to where nobody allowed it, with a signature that somebody trusts."""
    with webhooks() as hook, webhooks() as inner:
        hook.answer = lambda path: (307, {"location": inner.url}, b"over there")
        answer = send_one(Secrets(hook.url, new_secret()), target("127.0.0.1"), MESSAGE)
    assert (answer.ok, answer.words) == (
        False, "HTTP 307 Temporary Redirect: over there (redirects are not followed)"
    )  # fmt: skip
    assert len(hook.got) == 1 and inner.got == []


def test_what_the_receiver_says_is_told_without_the_secrets_of_the_address() -> None:
    """A path of a webhook is often its password, and receivers like to repeat it."""
    with webhooks() as hook:
        hook.answer = lambda path: (403, {}, f"no {path}, no %70w-9f8e7d, no pw-9f8e7d".encode())
        held = Secrets(f"{hook.url}/s3cr3t-path?key=%70w-9f8e7d", new_secret())
        answer = send_one(held, target("127.0.0.1"), MESSAGE)
    assert not answer.ok and answer.words.startswith("HTTP 403 Forbidden: no ")
    assert "s3cr3t" not in answer.words and "9f8e7d" not in answer.words
    refused = send_one(Secrets("http://127.0.0.1:1/s3cr3t", new_secret()), target("127.0.0.1"), MESSAGE)
    assert (refused.ok, refused.words) == (False, "Connection refused")
