"""TLS to the host, the same at each of its addresses: who counts as the host, who we are, and why it was not to be.

A host is known by the authority that came with enrolment and by the names in its certificate, never by the address.
"""

import socket
import ssl
from pathlib import Path
from typing import NamedTuple, Optional

from wachhund_evidence import MisuseError

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL 1.1.0; Python has no name for it
_OTHER_NAMES = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Failure(NamedTuple):
    """Why an address didn't do. `state`: a stable word; `why`: for people, with nothing in it that the peer wrote."""

    state: str
    why: str


def tls_context(ca: Optional[str]) -> ssl.SSLContext:
    """Trusts only the host's own authority (PEM), checks the host's name, and no dates: this board has no clock.

    Raises MisuseError for a certificate that can't be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= _NO_CHECK_TIME
    try:
        context.load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError, TypeError):
        raise MisuseError("ca: not a certificate: enrol anew") from None
    return context


def show_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Answer the broker, which asks who comes, with the certificate of the robot's key (files). Raises MisuseError."""
    try:
        context.load_cert_chain(str(certificate), str(key))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise MisuseError("{}: missing, or not the certificate of {}: enrol anew".format(certificate, key)) from None


def failure_of(error: Optional[BaseException]) -> Failure:
    """What an error while connecting says about the address."""
    if isinstance(error, socket.gaierror):
        return Failure("no name", "no address is known for this name")
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAMES:
            # Said before the signature is looked at: whoever it is, he may have written our authority's name in there.
            return Failure(
                "wrong host", "its certificate is for other addresses: `wachhund serve --name` if it is ours"
            )
        return Failure("wrong host", "another one than this robot's answers there, and is told nothing")
    if isinstance(error, ConnectionRefusedError):
        return Failure("refused", "nothing listens there")
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Failure("no answer", "nobody answered in time")
    if isinstance(error, (ssl.SSLError, ConnectionResetError, BrokenPipeError)):
        return Failure("no TLS", "what answers there does not speak TLS as a host does")
    why = error.strerror if isinstance(error, OSError) else None
    return Failure("unreachable", why or "no way there")
