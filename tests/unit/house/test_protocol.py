"""docs/protocol.md is what somebody else writes a robot or a verifier from: its example, kinds and reasons are ours."""

import ast
import re
from pathlib import Path

from tests import observation_fields, protocol_example
from tests.unit.house.test_docs import observation_kinds
from wachhund.broker_config import MAX_PAYLOAD_BYTES
from wachhund.fleet.enrolling import MAX_REQUEST_BYTES
from wachhund.fleet.inviting import HOURS
from wachhund.intake.quota import Quota
from wachhund.ledger.chain import GAP_SECONDS
from wachhund.ledger.present import FRESH_SECONDS
from wachhund_agent.config import Limits
from wachhund_evidence import (
    MAX_HELD_RANGES,
    MAX_MESSAGE_BYTES,
    MAX_OBSERVATIONS,
    RejectedEvidence,
    base64url,
    public_key_from_raw,
    read_evidence,
    read_receipt,
)
from wachhund_evidence.enrolment import MAX_INVITATION_CHARS
from wachhund_evidence.strict_json import MAX_DEPTH
from wachhund_evidence.token import MAX_HEADER_CHARS

ROOT = Path(__file__).resolve().parents[3]
AGENT = ROOT / "agent" / "wachhund_agent"
# Literal keys that are in no observation, and what they are.
NOT_FIELDS = {
    "agent_run.py": {"config"},  # a claim of the token
    "sensing.py": {"sched_process_exec", "task_newtask"},  # kernel events
    "sensors/posture.py": {"packages", "shadow"},  # why something is not known
}


def test_the_worked_example_is_what_our_code_makes() -> None:
    data, block = protocol_example.rendered()
    assert protocol_example.DATA.read_text(encoding="ascii") == data, "python -m tests.protocol_example"
    assert protocol_example.BLOCK.findall(protocol_example.DOCUMENT.read_text(encoding="utf-8")) == [block]


def test_our_readers_take_the_example_and_refuse_what_it_says_is_refused() -> None:
    made = protocol_example.example()
    keys = {name: {key["kid"]: public_key_from_raw(base64url.decode(key["x"]))} for name, key in made["keys"].items()}
    for one in made["evidence"]:
        claims = read_evidence(one["token"], keys["robot key"], made["ueid"])
        assert claims.seq == one["payload"]["seq"]
    assert made["evidence"][1]["payload"]["prev"] == made["evidence"][0]["hash"]
    assert read_receipt(made["receipt"]["token"], keys["host key"], made["ueid"]).head == made["evidence"][1]["hash"]
    for one in made["refused"]:
        try:
            read_evidence(one["token"], keys["robot key"], made["ueid"])
        except RejectedEvidence as refused:
            assert refused.reason == one["reason"], one["what"]
        else:
            raise AssertionError(f"{one['what']}: taken")


def claims_in(heading: str) -> set[str]:
    """Names in the first column of the tables below a heading, or below a word in bold."""
    text = protocol_example.DOCUMENT.read_text(encoding="utf-8").partition(f"\n{heading}")[2]
    text = re.split(r"\n##+ |\n\*\*", text)[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", "".join(rows)))


def test_every_claim_is_in_its_table_and_no_other() -> None:
    made = protocol_example.example()
    assert claims_in("## Evidence") == {*made["evidence"][1]["payload"], "receipt"}
    assert claims_in("## Receipt") == {*made["receipt"]["payload"], "next"}
    assert claims_in("### Host key") == {"key", "serial"}
    assert claims_in("**Invitation**") == set(made["invitation"]["object"])
    assert claims_in("**Request**") == set(made["proof"]["payload"])
    assert claims_in("**Answer**") == set(made["answer"]["payload"])


def test_the_bounds_in_the_document_are_those_of_the_code() -> None:
    """A number that somebody else relies on."""
    agent, quota, text = Limits(), Quota(), protocol_example.DOCUMENT.read_text(encoding="utf-8")
    text = " ".join(text.split())
    mib = 1 << 20
    waits = [agent.resend_first_s * 2**step for step in range(3)]
    for sentence in (
        f"At most {MAX_MESSAGE_BYTES:,} bytes (256 KiB) before and after inflation",
        f"the header is at most {MAX_HEADER_CHARS} characters",
        f"array of 0 to {MAX_OBSERVATIONS:,} objects",
        f"array of at most {MAX_HELD_RANGES} pairs",
        f"nested at most {MAX_DEPTH} deep",
        f"at most {agent.in_flight_tokens} tokens, or {agent.in_flight_bytes // mib} MiB",
        "sent again after {:.0f} s, then after {:.0f}, {:.0f}".format(*waits),
        f"{agent.resend_last_s:.0f}, {agent.resend_last_s:.0f}, ... s",
        f"it leaves out {agent.skipped_numbers} numbers",
        f"(it keeps the newest {agent.sent_hashes:,})",
        f"A heartbeat at least each {agent.heartbeat_s:.0f} s (over a modem {agent.modem_every_s:.0f} s)",
        f"({quota.tokens_per_s:.0f} tokens a second, {quota.tokens_at_once:.0f} at once; "
        f"{quota.bytes_per_s / mib:.0f} MiB a second, {quota.bytes_at_once / mib:.0f} MiB at once)",
        f"at most {MAX_INVITATION_CHARS:,} characters",
        f"within {HOURS:.0f} hours",
        f"fresh evidence has come for {GAP_SECONDS / 60:.0f} minutes",
        f"whose nonce was then at most {FRESH_SECONDS:.0f} s old",
        f"for a message beyond {MAX_PAYLOAD_BYTES // 1024} KiB",
        f"a JSON object of at most {MAX_REQUEST_BYTES // 1024} KiB",
    ):
        assert sentence.lower() in text.lower(), sentence


_FILLS = ("update", "dict")


def fields_in(path: Path) -> set[str]:
    """Literal keys of the dictionaries in a file: `{"a": 1}`, `found["a"] = 1`, `found.update(a=1)`, `dict(b, a=1)`.

    Without tables that are constants of the module.
    """
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = [node for node in tree.body if not isinstance(node, ast.Assign | ast.AnnAssign)]
    for node in (inner for outer in code for inner in ast.walk(outer)):
        if isinstance(node, ast.Dict):
            found |= {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            found |= {str(node.slice.value)} if isinstance(node.slice, ast.Constant) else set()
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _FILLS:
            found |= {word.arg for word in node.keywords if word.arg}
    return {name for name in found if re.fullmatch("[a-z][a-z0-9_]*", name)}


def telling_files() -> list[Path]:
    """The agent's files that make observations."""
    return [
        path
        for path in sorted(AGENT.rglob("*.py"))
        if re.search(r"\b(?:Observation|note)\(", path.read_text(encoding="utf-8"))
    ]


def test_every_field_that_an_observation_is_given_is_in_the_document() -> None:
    """Also inside `structure`, `evidence`, `sensors` and `peers`, whose parts the document names in words."""
    text = observation_fields.DOCUMENT.read_text(encoding="utf-8").partition("\n## Observation kinds\n")[2]
    words = set(re.findall(r"`(\w+)`", text)) | set(re.findall(r'"(\w+)"', text))
    files = [*telling_files(), AGENT / "sensors" / "relay_statistics.py", AGENT / "sensors" / "relay_watch.py"]
    assert len(files) > 20
    missing = {
        f"{path.relative_to(AGENT)}: {name}"
        for path in files
        for name in fields_in(path) - NOT_FIELDS.get(str(path.relative_to(AGENT)), set())
        if name not in words
    }
    assert sorted(missing) == []


def test_every_kind_has_its_table_and_no_table_is_of_a_kind_that_nobody_tells() -> None:
    assert set(observation_fields.documented()) == observation_kinds()


def test_no_field_in_the_document_is_one_that_nobody_tells() -> None:
    """A field that was renamed leaves its old name behind."""
    told = set().union(*(fields_in(path) for path in AGENT.rglob("*.py")))
    told |= {"kind", "t", "mono", "sensor"}
    documented = {
        f"{kind}: {field}" for kind, fields in observation_fields.documented().items() for field in fields
        if field not in told
    }  # fmt: skip
    assert sorted(documented) == []


def test_every_reason_of_a_refusal_is_in_the_document() -> None:
    """Who counts refusals has to know what they mean."""
    text = protocol_example.DOCUMENT.read_text(encoding="utf-8")
    reasons = set()
    for path in [*ROOT.glob("agent/wachhund_*/**/*.py"), *ROOT.glob("host/wachhund/**/*.py")]:
        reasons |= set(re.findall(r'RejectedEvidence\(\s*"([a-z-]+)"', path.read_text(encoding="utf-8")))
    assert len(reasons) > 12
    assert sorted(reason for reason in reasons if f"`{reason}`" not in text) == []
