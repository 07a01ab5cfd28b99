"""Single sign-on by OpenID Connect (Core 1.0, code with PKCE), by Authlib: what is asked, and what is believed.

No I/O and no clock: `web.sign_on_door` fetches and hands in. Steps of a log-in, as the functions below take them:

(1) what the provider says of itself is of that provider, and leads nowhere else (`provider_of`, Discovery 1.0, 4.3);
(2) the browser is sent there with state, nonce and the hash of a verifier (`address`, RFC 7636);
(3) its code is asked for with the verifier, by the host itself (`token_request`);
(4) the id_token is signed by a key of the provider with an allowed algorithm, and of this issuer, for this client, of
    now and for this log-in (`claims_of`, Core 3.1.3.7).
"""

import secrets
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.people.inviting import is_name
from wachhund.people.sign_on_config import SignOn
from wachhund_evidence import WachhundError

ALGORITHMS = ("RS256", "PS256", "ES256")  # no symmetric one, and never none
LEEWAY_S = 60  # between two clocks
MAX_CLAIM_CHARACTERS = 200
_WAYS = ("client_secret_basic", "client_secret_post")


class SignOnFailed(WachhundError):
    """The other side said something that can't be, or nothing. Its text is one line for a person, in our words."""


@dataclass(frozen=True)
class Provider:
    """What the provider says of itself. `way`: how this host shows it its secret. `names_itself`: RFC 9207."""

    issuer: str
    authorize: str
    token: str
    keys: str
    way: str
    names_itself: bool


@dataclass(frozen=True)
class Try:
    """One log-in on its way; known to this host and, by a cookie, to one browser."""

    state: str
    nonce: str
    verifier: str
    target: str


@dataclass(frozen=True)
class TokenRequest:
    """What is posted to the provider's token address."""

    headers: Mapping[str, str]
    body: str


def new_try(target: str) -> Try:
    """`target`: where the person wanted to go; a path of ours."""
    return Try(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), target)


def discovery_address(config: SignOn) -> str:
    """Where the provider describes itself."""
    return f"{config.issuer.rstrip('/')}/.well-known/openid-configuration"


def provider_of(config: SignOn, said: object) -> Provider:
    """(1) Raises SignOnFailed."""
    told: Mapping[str, Any] = said if isinstance(said, dict) else {}
    if told.get("issuer") != config.issuer:
        raise SignOnFailed("single sign-on: the provider names another issuer than the configuration: compare the two")
    places = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = told.get(name)
        if not isinstance(address, str) or not config.may_ask(address):
            raise SignOnFailed(
                f"single sign-on: the provider's {name} is no https address at its own host: name that host in `hosts`"
            )
        places[name] = address
    ways = told.get("token_endpoint_auth_methods_supported") or _WAYS[:1]
    way = next((one for one in _WAYS if isinstance(ways, (list, tuple)) and one in ways), None)
    if way is None:
        raise SignOnFailed("single sign-on: the provider takes no client secret: allow client_secret_basic there")
    names_itself = told.get("authorization_response_iss_parameter_supported") is True
    authorize, token, keys = places.values()
    return Provider(config.issuer, authorize, token, keys, way, names_itself)


def address(config: SignOn, provider: Provider, back: str, one: Try) -> str:
    """(2) Where the browser goes. `back`: where the provider sends it then."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return str(
        prepare_grant_uri(
            provider.authorize, config.client_id, "code", redirect_uri=back, scope=" ".join(config.scopes),
            state=one.state, nonce=one.nonce, code_challenge=create_s256_code_challenge(one.verifier),
            code_challenge_method="S256",
        )
    )  # fmt: skip


def code_of(provider: Provider, one: Try, came: Mapping[str, str]) -> str:
    """The code with which a browser came back, where it is of this try. Raises SignOnFailed.

    `came`: the query. An answer without the right state is somebody else's (CSRF); one that names another issuer was
    mixed up (RFC 9207).
    """
    if not secrets.compare_digest(came.get("state", "").encode(), one.state.encode()):
        raise SignOnFailed("single sign-on: this answer is of another log-in: begin again")
    if came.get("iss", None if provider.names_itself else provider.issuer) != provider.issuer:
        raise SignOnFailed("single sign-on: this answer is of another provider: begin again")
    error = came.get("error")
    if error is not None:
        known = "".join(each for each in error if each.isascii() and (each.isalnum() or each == "_"))[:40]
        raise SignOnFailed(f"single sign-on: the provider did not let you in ({known or 'no reason given'})")
    code = came.get("code", "")
    if not code or len(code) > 4096:
        raise SignOnFailed("single sign-on: the provider sent no code: begin again")
    return code


def token_request(config: SignOn, provider: Provider, back: str, one: Try, code: str) -> TokenRequest:
    """(3) What the host asks for the code."""
    from authlib.oauth2.auth import ClientAuth
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    body = prepare_token_request("authorization_code", code=code, redirect_uri=back, code_verifier=one.verifier)
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    client_id, secret = config.client_id, config.secret
    if provider.way == "client_secret_basic":  # RFC 6749, 2.3.1: each encoded as a form's field first
        client_id, secret = urllib.parse.quote_plus(client_id), urllib.parse.quote_plus(secret)
    _, headers, body = ClientAuth(client_id, secret, provider.way).prepare("POST", provider.token, headers, body)
    return TokenRequest(headers, body)


def key_of(id_token: str) -> str | None:
    """The name of the key that an id_token says it is signed with; nothing of it is proven."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        kid = jws.extract_compact(id_token.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return None
    return kid if isinstance(kid, str) else None


def claims_of(
    config: SignOn, keys: object, one: Try, token: Mapping[str, Any], now: float
) -> Mapping[str, Any]:  # fmt: skip
    """(4) What the provider says about the person. `token`: its answer to the code. Raises SignOnFailed."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

    text = token.get("id_token")
    if not isinstance(text, str) or not isinstance(keys, dict):
        raise SignOnFailed("single sign-on: the provider said nothing about you: ask who runs it")
    try:
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        read = jwt.decode(text, KeySet.import_key_set(_for_signatures(keys)), registry=registry)
        # `aud` may name several only with `azp` of this client: Authlib asks for it.
        claims = CodeIDToken(
            read.claims, read.header,
            {"iss": {"essential": True, "value": config.issuer}, "aud": {"essential": True, "value": config.client_id}},
            {"nonce": one.nonce, "client_id": config.client_id, "access_token": token.get("access_token")},
        )  # fmt: skip
        claims.validate(now=int(now), leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError, LookupError, AttributeError) as error:
        what = getattr(error, "claim", None) or getattr(error, "error", None) or type(error).__name__
        raise SignOnFailed(f"single sign-on: the provider's word about you does not hold ({str(what)[:60]})") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise SignOnFailed("single sign-on: the provider's word about you does not hold (sub)")
    return dict(claims)


def _for_signatures(keys: Mapping[str, Any]) -> Any:
    """Those of a provider's keys that can be of use: one of a new kind must not make the others useless."""
    held = [key for key in keys["keys"] if isinstance(key, dict)]
    return {"keys": [key for key in held if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]}


def name_of(config: SignOn, claims: Mapping[str, Any]) -> str:
    """The person's name here, as the configured claim says. Raises SignOnFailed."""
    name = claims.get(config.name_claim)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_CLAIM_CHARACTERS or not name.isprintable():
        raise SignOnFailed(f"single sign-on: the provider says no {config.name_claim} of you: see `name_claim`")
    if not is_name(name):
        raise SignOnFailed(f"single sign-on: your {config.name_claim} there can be no name here: ask an admin")
    if config.name_claim == "email" and claims.get("email_verified") is not True:
        raise SignOnFailed("single sign-on: the provider has not verified your e-mail address")
    return name


def role_of(config: SignOn, claims: Mapping[str, Any]) -> str | None:
    """The greatest role that the person's groups are given in the configuration; None: none of them is."""
    if config.group_claim is None:
        return None
    groups = claims.get(config.group_claim)
    held = {groups} if isinstance(groups, str) else set(filter(lambda one: isinstance(one, str), groups or ()))
    return next((role for group, role in config.roles if group in held), None)
