"""The agent without senses, as a process: everything from the queue to the broker is its own, at a hundredth of the
cost, so that many robots fit on one machine. What is observed is played: an id each third of a second.
"""

import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from wachhund_agent import agent_run
from wachhund_agent.attester import note
from wachhund_agent.config import Limits, load
from wachhund_agent.identity import load_key
from wachhund_agent.kernel import clock
from wachhund_agent.run_mark import only_agent

LIMITS = Limits(segment_bytes=64 << 10, journal_bytes=8 << 20, free_share=0.0)
_EVERY_S = 0.33


def main(path: Path) -> int:
    """Until SIGTERM; as `wachhund_agent.agent_run` does it."""
    config = load(path)
    only_agent(config.data)
    parts = agent_run.Attesting(config, load_key(config.key), LIMITS, path)
    queue = agent_run.Queue(LIMITS.queue_observations)
    worker = agent_run.Worker(queue, parts.attester, parts.journal, parts.uplink, LIMITS, lambda: False)
    stopped = threading.Event()

    def stop(*_: Any) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    queue.put(agent_run.first_words(parts.journal, parts.hashes, clock.mono()))
    thread = threading.Thread(target=worker.run, name="attester", daemon=True)
    thread.start()
    parts.uplink.wire.start()
    number = 0
    while not stopped.wait(_EVERY_S) and worker.failure is None:
        number += 1
        kind = "process.start" if number % 3 else "flow.update"
        queue.put([note(kind, {"id": uuid.uuid4().hex, "pad": "x" * 200}, clock.mono())])
    worker.stop()
    thread.join()
    if worker.failure is None:
        parts.uplink.pump()
        parts.journal.close()
    parts.uplink.wire.stop()
    return 0 if worker.failure is None else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
