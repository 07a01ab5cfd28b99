"""Whether this robot rewrites addresses (NAT), by the kernel's packet filters; read again only when rules changed."""

import os
from typing import List, Optional

from wachhund_agent.kernel import netfilter
from wachhund_agent.kernel.procfs import read_file
from wachhund_agent.kernel.rtnetlink import NetlinkFeed
from wachhund_agent.kernel.sock_diag import KernelError


class Nat:
    """`why`: what is not seen, in words; None when all is. `proc`: where /proc is."""

    def __init__(self, proc: str) -> None:
        self.why: Optional[str] = None
        self._proc = proc
        self._feed: Optional[NetlinkFeed] = None
        self._stale, self._on = True, False

    def fds(self) -> List[int]:
        """Descriptors that call when rules of nf_tables changed."""
        return [] if self._feed is None else [self._feed.fd]

    def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def look(self) -> Optional[bool]:
        """Whether NAT is on: when one of the filters has a rule; off when none has; unknown when one can't be read."""
        found: List[bool] = []
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
        if why is None or any(found):
            self.why = None
            return any(found)
        self.why = "whether addresses are rewritten (NAT) is not seen ({}): run it with CAP_NET_ADMIN".format(why)
        return None

    def _in_nftables(self) -> bool:
        if self._feed is None:
            # Without the kernel's own socket nobody can have made rules, and ours would load the module.
            if not netfilter.has_nfnetlink(read_file(self._proc + "/net/netlink") or b""):
                return False
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
            self._on, self._stale = netfilter.nft_nat(), False
        return self._on
