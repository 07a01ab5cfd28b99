"""What a running process costs, as the kernel accounts for it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """CPU seconds since the process started, and its resident bytes now and at its largest."""

    cpu_s: float
    rss_bytes: int
    peak_bytes: int


def cost_of(pid: int) -> Cost:
    """Reads /proc/PID. schedstat counts nanoseconds; the ticks of stat are too coarse for a cost of 0.1 %."""
    cpu_ns = sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
    sizes = dict.fromkeys(("VmRSS", "VmHWM"), 0)
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0]) * 1024
    return Cost(cpu_ns / 1e9, sizes["VmRSS"], sizes["VmHWM"])


def forks() -> int:
    """Processes and threads that were made on this machine since it started."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("processes "):
            return int(line.split()[1])
    raise AssertionError("/proc/stat counts no processes")
