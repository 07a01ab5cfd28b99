"""Branch coverage of one parser over a corpus: `python -m tests.fuzz.replay NAME CORPUS_FOLDER` prints JSON."""

import json
import sys
import tempfile
from pathlib import Path

import coverage


def main() -> None:
    name, corpus = sys.argv[1:3]
    measured = coverage.Coverage(branch=True, data_file=None, include=["*/wachhund_agent/*", "*/wachhund_evidence/*"])
    measured.start()
    from tests.fuzz.parsers import PARSERS

    parser = PARSERS[name]
    for file in sorted(Path(corpus).iterdir()):
        parser.call(file.read_bytes())
    measured.stop()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        measured.json_report(outfile=report.name)
        files = json.loads(Path(report.name).read_text())["files"]
    done = wanted = 0
    missing = []
    for module, functions in parser.covers:
        place = module.replace("evidence:", "wachhund_evidence/").replace(".", "/") + ".py"
        found = next(content for path, content in files.items() if path.endswith(place))
        for function in functions:
            summary = found["functions"][function]["summary"]
            # A function without branches counts as one, taken when it was entered.
            done += summary["covered_branches"] or (not summary["num_branches"] and summary["covered_lines"] > 0)
            wanted += summary["num_branches"] or 1
            missing += found["functions"][function].get("missing_branches", [])
    print(json.dumps({"covered": done, "branches": wanted, "missing": missing}))


if __name__ == "__main__":
    main()
