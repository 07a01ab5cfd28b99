"""The peers of a WireGuard link as they are told: who, where, for which networks, and whether one is there."""

from typing import Any, Dict, List, Optional, Sequence

from wachhund_agent.kernel.wireguard import WireguardPeer

ACTIVE_S = 180  # WireGuard gives up a session that has not been renewed for so long


def standing(peers: Optional[Sequence[WireguardPeer]], now: float) -> object:
    """What makes them worth telling of, to be compared; None when they are not seen. `now`: the wall clock."""
    if peers is None:
        return None
    return [
        (peer.name, peer.endpoint, peer.allowed_ips, peer.handshake is not None and now - peer.handshake < ACTIVE_S)
        for peer in peers
    ]


def shown(peers: Optional[Sequence[WireguardPeer]], now: float) -> Optional[List[Dict[str, Any]]]:
    """The field `peers` of a `link.change`; None when they are not seen. `now`: the wall clock."""
    if peers is None:
        return None
    return [
        {
            "peer": peer.name,
            "endpoint": None if peer.endpoint is None else list(peer.endpoint),
            "allowed_ips": list(peer.allowed_ips),
            "latest_handshake_s": None if peer.handshake is None else max(0, int(now - peer.handshake)),
            "bytes_in": peer.bytes_in,
            "bytes_out": peer.bytes_out,
        }
        for peer in peers
    ]
