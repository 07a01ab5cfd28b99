"""Whether this robot rewrites addresses (NAT), by the kernel's packet filters; read again only when rules changed."""

import os
from typing import List, Optional

from wachhund_agent.kernel import netfilter
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.nat_rules import Forward
from wachhund_agent.kernel.netlink import NetlinkFeed
from wachhund_agent.kernel.procfs import read_file

FORWARDS_KEPT = 256  # rules; a robot has a handful, and each is told


class Nat:
    """`why`: what is not seen, in words; None when all is. `forwards`: rules that lead connections on, as last seen.

    `overflow`: how many more there were. `proc`: where /proc is.
    """

    def __init__(self, proc: str) -> None:
        self.why: Optional[str] = None
        self._proc = proc
        self._feed: Optional[NetlinkFeed] = None
        self.forwards: List[Forward] = []
        self.overflow = 0
        self._stale = True
        self._nftables: netfilter.Nat = (False, [])

    def fds(self) -> List[int]:
        """Descriptors that call when rules of nf_tables changed."""
        return [] if self._feed is None else [self._feed.fd]

    def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def look(self) -> Optional[bool]:
        """Whether NAT is on: when one of the filters has a rule; off when none has; unknown when one can't be read."""
        found: List[netfilter.Nat] = []
        why = None
        try:
            found.append(self._in_nftables())
        except KernelError as error:
            why = str(error)
        for names_file in ("ip_tables_names", "ip6_tables_names"):
            path = "{}/net/{}".format(self._proc, names_file)
            listed = read_file(path)
            try:
                if listed is not None:
                    found.append(netfilter.legacy_nat(names_file, listed))
                elif os.path.lexists(path):
                    why = why or "{} can't be read".format(path)
            except KernelError as error:
                why = str(error)
        is_on = any(on for on, _ in found)
        if why is None:
            self.why = None
            forwards = [forward for _, some in found for forward in some]
            self.forwards, self.overflow = forwards[:FORWARDS_KEPT], max(0, len(forwards) - FORWARDS_KEPT)
            return is_on
        if is_on:
            self.why = "not all rules that rewrite addresses are seen ({}): run it with CAP_NET_ADMIN".format(why)
            return True
        self.why = "whether addresses are rewritten (NAT) is not seen ({}): run it with CAP_NET_ADMIN".format(why)
        return None

    def _in_nftables(self) -> netfilter.Nat:
        if self._feed is None:
            # Without the kernel's own socket nobody can have made rules, and ours would load the module.
            if not netfilter.has_nfnetlink(read_file(self._proc + "/net/netlink") or b""):
                return False, []
            self._feed, self._stale = netfilter.nft_feed(), True
        try:
            lost = self._feed.lost
            if self._feed.read() or self._feed.lost != lost:
                self._stale = True
        except KernelError:
            self._feed.close()
            self._feed = None
            raise
        if self._stale:
            self._nftables, self._stale = netfilter.nft_nat(), False
        return self._nftables
