"""One node of a cluster as a broker: its ports, routes and passwords, and the certificate of its routes."""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.broker_member import ROUTE_USER, WORKER_USER, Member, RouteFiles
from wachhund.cluster.secret import ClusterSecret
from wachhund.cluster.settings import Cluster
from wachhund.config import Address
from wachhund.fleet.authority import Authority
from wachhund.fleet.credentials import hash_password
from wachhund.fleet.data_folder import DataFolder, make_private_folder, write_secret_file
from wachhund_evidence import MisuseError, private_key_pem


def member_of(
    data: DataFolder, cluster: Cluster, secret: ClusterSecret, name: str, authority: Authority | None, at: str | None
) -> Member:
    """What the node's broker is told, and its folder made. `at`: where its doors listen; None: everywhere, or on
    loopback where the node is reached by that only. Raises MisuseError.
    """
    node = cluster.node(name)
    folder = data.path / "nodes" / name
    make_private_folder(folder)
    everywhere = "127.0.0.1" if node.is_loopback else "0.0.0.0"  # noqa: S104 - by TLS only (settings.checked)
    return Member(
        name=node.name,
        folder=folder,
        host=node.host,
        listens_at=at or everywhere,
        client_port=node.client,
        route_port=node.route,
        routes=[Address(other.host, other.route) for other in cluster.nodes if other.name != name],
        replicas=cluster.replicas,
        worker_hash=hash_password(secret.password(WORKER_USER)),
        route_password=secret.password(ROUTE_USER),
        route_tls=None if authority is None else _route_files(folder, cluster, authority),
    )


def _route_files(folder: Path, cluster: Cluster, authority: Authority) -> RouteFiles:
    """A new key and its certificate. They replace those of the start before."""
    key = Ed25519PrivateKey.generate()
    certificate = authority.issue_route(cluster.door_names(), key.public_key())
    for name, content in (("route.key", private_key_pem(key)), ("route.pem", certificate.encode("ascii"))):
        unfinished = folder / f"{name}.{os.getpid()}"
        try:
            unfinished.unlink(missing_ok=True)
            write_secret_file(unfinished, content)
            unfinished.replace(folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise MisuseError(f"node: {folder}: {error.strerror}: give this user the right to write there") from None
    return RouteFiles(folder / "route.pem", folder / "route.key", authority.certificate_path)
