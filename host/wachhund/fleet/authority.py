"""The host's own certificate authority, and the certificate of its doors (broker, enrolment). Made at first use.

Robots pin the authority; nobody else has to know it. The key of the doors stays the same when their certificate is
made anew, because invitations pin that key.
"""

import datetime
import hashlib
import ipaddress
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund_evidence import MisuseError, base64url

_AUTHORITY_DAYS = 20 * 365
_DOOR_DAYS = 825
_RENEWED_BEFORE_DAYS = 90  # an older one is made anew when the host starts
_BACKDATED_DAYS = 1  # clocks of the machines that check it strictly may differ


@dataclass(frozen=True)
class Authority:
    """`certificate`, `door_certificate`: PEM. `pin`: SHA-256 of the doors' public key (SubjectPublicKeyInfo).

    `certificate_path`, `door_certificate_path`, `door_key_path`: for programs that read files, such as the broker.
    """

    certificate: str
    door_certificate: str = field(repr=False)
    pin: str
    door_certificate_path: Path
    door_key_path: Path
    certificate_path: Path
    key_path: Path = field(repr=False)

    @classmethod
    def load_or_create(cls, data: DataFolder, names: Sequence[str], now: datetime.datetime) -> "Authority":
        """Read what is there, make what is missing, and renew what ends soon or lacks one of `names`.

        `names`: host names and addresses by which robots reach the doors. Raises MisuseError.
        """
        authority_key = _key(data.authority_key)
        certificate = _certificate(data.authority_certificate)
        if certificate is None or not _belongs(certificate, authority_key):
            certificate = _make_authority(authority_key, now)
            _write(data.authority_certificate, certificate)
        door_key = _key(data.door_key)
        door = _certificate(data.door_certificate)
        left = datetime.timedelta(days=_RENEWED_BEFORE_DAYS)
        if (
            door is None
            or not _belongs(door, door_key)
            or door.issuer != certificate.subject
            or door.not_valid_after_utc - now < left
            or now < door.not_valid_before_utc
            or not set(names) <= _names_of(door)
        ):
            known = set() if door is None else _names_of(door)
            door = _make_door(door_key, sorted(known | set(names)), certificate, authority_key, now)
            _write(data.door_certificate, door)
        return cls(
            _pem(certificate), _pem(door), pin_of(door), data.door_certificate, data.door_key,
            data.authority_certificate, data.authority_key,
        )  # fmt: skip

    def issue(self, identity: str, key: Ed25519PublicKey) -> str:
        """A certificate (PEM) by which the owner of a key comes in as `identity` (a URI). Raises MisuseError.

        It is good for as long as the authority is: what ends it is that the broker knows its name no more. A date would
        lock out a robot that was switched off for long, and robots have no clock to renew it by.
        """
        return self._issued(
            "Wachhund client", key, [x509.UniformResourceIdentifier(identity)], [ExtendedKeyUsageOID.CLIENT_AUTH]
        )

    def issue_route(self, names: Sequence[str], key: Ed25519PublicKey) -> str:
        """A certificate (PEM) for both ends of the routes between a cluster's nodes. `names`: as `load_or_create` has.

        Raises MisuseError. It is made anew at each start of a node.
        """
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issued("Wachhund node", key, [_general_name(name) for name in names], both)

    def _issued(
        self, subject: str, key: Ed25519PublicKey, names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
    ) -> str:  # fmt: skip
        authority = x509.load_pem_x509_certificate(self.certificate.encode("ascii"))
        signer = _key(self.key_path)
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(authority.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(authority.not_valid_before_utc)
            .not_valid_after(authority.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return _pem(made)


def pin_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER), base64url."""
    raw = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64url.encode(hashlib.sha256(raw).digest())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            write_secret_file(path, pem)
        except MisuseError:
            # `robots invite` and `serve` may make it at the same moment: whoever was first has made it.
            if not path.exists():
                raise
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise MisuseError(f"secret: {path}: others may read it: chmod 600 it, and think whether it is still secret")
        loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise MisuseError(f"secret: {path}: {error.strerror}: give this user the right to read it") from None
    except (ValueError, TypeError):
        raise MisuseError(f"secret: {path}: not a key: put back a copy; a new one locks the robots out") from None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise MisuseError(f"secret: {path}: not an elliptic curve key: put back a copy; a new one locks the robots out")
    return loaded


def _certificate(path: Path) -> x509.Certificate | None:
    """What is there; None when it is missing or damaged: it holds nothing that the key does not give back."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _belongs(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    mine = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    return pin_of(certificate) == base64url.encode(hashlib.sha256(mine).digest())


def _write(path: Path, certificate: x509.Certificate) -> None:
    new = path.with_suffix(".new")
    try:
        new.write_text(_pem(certificate), encoding="ascii")
        new.replace(path)
    except OSError as error:
        raise MisuseError(f"certificate: {path}: {error.strerror}: give this user the right to write there") from None


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime,
             days: int) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=_BACKDATED_DAYS))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _make_authority(key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    # Two hosts' authorities must differ in name, else a library may take one for the other.
    mark = hashlib.sha256(
        key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    ).hexdigest()[:12]
    subject = _name(f"Wachhund host {mark}")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _builder(subject, subject, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _make_door(
    key: ec.EllipticCurvePrivateKey, names: Sequence[str], authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey, now: datetime.datetime,
) -> x509.Certificate:  # fmt: skip
    return (
        _builder(_name("Wachhund host"), authority.subject, key.public_key(), now, _DOOR_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )  # fmt: skip


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(one.value) for one in found}
