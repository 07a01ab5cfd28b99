"""One parser under atheris: `python -m tests.fuzz.one NAME CASES CORPUS_FOLDER`. Ends with 77 at the first crash."""

import resource
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wachhund_agent", "wachhund_evidence"]):
    from tests.fuzz.parsers import PARSERS


def main() -> None:
    name, cases, corpus = sys.argv[1:4]
    parser = PARSERS[name]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(parser.seeds):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Path(corpus + ".rss").write_text(str(before))
    options = [f"-runs={cases}", "-max_len=8192", "-rss_limit_mb=1024", "-timeout=10", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={corpus}.", corpus], parser.call)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
