"""`make test`: the suite in two halves side by side. What waits for real processes leaves a core to what computes.

Each half ends with pytest's own closing lines, the second after the first. Exit status: 0 when both passed.
"""

import subprocess
import sys
import tempfile

SHOWN, BESIDE = ("tests/system",), ("tests/unit", "tests/browser")


def start(folders: tuple[str, ...], **more: object) -> "subprocess.Popen[bytes]":
    # Each with a cache of its own: the other would write over what failed last.
    cache = f"cache_dir=.pytest_cache/{folders[0].rpartition('/')[2]}"
    command = [sys.executable, "-m", "pytest", "-o", cache, *folders]
    return subprocess.Popen(command, **more)  # type: ignore[call-overload,no-any-return]


def main() -> int:
    with tempfile.TemporaryFile() as output:
        beside = start(BESIDE, stdout=output, stderr=subprocess.STDOUT)
        shown = start(SHOWN)
        try:
            status = shown.wait()
            other = beside.wait()
        except KeyboardInterrupt:
            # Both heard of it as well, being in the terminal's foreground; they put away what they started.
            shown.wait()
            beside.wait()
            return 130
        output.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    return status or other


if __name__ == "__main__":
    sys.exit(main())
