"""The walls of the house: who may import whom (docs/decisions, "One way in, one way out").

Read from the source with `ast`, so that an import inside a function counts as much as one at the top.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
INSTALLER = sorted(ROOT.glob("deploy/installer/wachhund_*/*.py"))
SOURCES = sorted(
    path
    for path in (*ROOT.glob("agent/wachhund_*/**/*.py"), *ROOT.glob("host/wachhund/**/*.py"))
    if "firmware" not in path.parts  # a board's, which has none of ours beside it
)

# Room -> the rooms of ours that it may know, beside itself. A room that is not here may know nothing of ours.
# The longest matching name decides.
MAY_KNOW = {
    "wachhund_evidence": (),
    "wachhund_agent": ("wachhund_agent", "wachhund_evidence"),  # cli and the loops that hold the parts together
    "wachhund_agent.kernel": ("wachhund_evidence",),
    "wachhund_agent.config": ("wachhund_evidence",),  # the bounds, and the file's keys
    "wachhund_agent.disk": (),
    "wachhund_agent.sensors": ("wachhund_agent.disk", "wachhund_agent.kernel", "wachhund_evidence"),
    "wachhund_agent.identity": ("wachhund_agent.config", "wachhund_agent.disk", "wachhund_evidence"),
    "wachhund_agent.at_host": ("wachhund_evidence",),
    "wachhund_agent.journal": (
        *("wachhund_agent.at_host", "wachhund_agent.config", "wachhund_agent.disk", "wachhund_evidence"),
    ),
    "wachhund_agent.boot_seed": ("wachhund_agent.disk", "wachhund_agent.journal", "wachhund_evidence"),
    "wachhund_agent.attester": (
        *("wachhund_agent.config", "wachhund_agent.identity", "wachhund_agent.journal", "wachhund_evidence"),
        "wachhund_agent.kernel.clock",  # one clock for what the senses saw and for what is said about them
    ),
    "wachhund_agent.allowance": (),
    "wachhund_agent.host_key": ("wachhund_agent.config", "wachhund_agent.disk", "wachhund_evidence"),
    "wachhund_agent.window": (
        *("wachhund_agent.at_host", "wachhund_agent.config", "wachhund_agent.journal", "wachhund_evidence"),
    ),
    "wachhund_agent.delivery": (  # no socket, no clock
        *("wachhund_agent.allowance", "wachhund_agent.at_host", "wachhund_agent.config", "wachhund_agent.journal"),
        *("wachhund_agent.window", "wachhund_evidence"),
    ),
    "wachhund_agent.receipts": ("wachhund_agent.journal", "wachhund_evidence"),
    "wachhund_agent.host_tls": ("wachhund_evidence",),
    "wachhund_agent.way_home": (),
    "wachhund_agent.mqtt_wire": ("wachhund_agent.config", "wachhund_agent.host_tls", "wachhund_agent.way_home"),
    "wachhund_agent.witness_wire": ("wachhund_evidence",),
    "wachhund_agent.witness_carrying": (
        *("wachhund_agent.attester", "wachhund_agent.config", "wachhund_agent.witness_wire", "wachhund_evidence"),
    ),
    "wachhund_agent.uplink": (
        *("wachhund_agent.config", "wachhund_agent.delivery", "wachhund_agent.host_key", "wachhund_agent.journal"),
        *("wachhund_agent.mqtt_wire", "wachhund_agent.receipts", "wachhund_evidence"),
    ),
    "wachhund": ("wachhund", "wachhund_evidence"),  # cli, serve: they hold the parts together
    "wachhund.serving": ("wachhund", "wachhund_evidence"),  # the same of what serve and web share
    "wachhund.demo": ("wachhund", "wachhund_evidence"),
    "wachhund.ledger": ("wachhund_evidence",),
    "wachhund.assurance": (),
    "wachhund.fleet": ("wachhund.assurance", "wachhund.ledger", "wachhund.config", "wachhund_evidence"),
    "wachhund.broker": (
        *("wachhund.broker_child", "wachhund.broker_clients", "wachhund.broker_config", "wachhund.broker_events"),
        *("wachhund.broker_insiders", "wachhund.broker_member", "wachhund.broker_pulse", "wachhund.broker_restarts"),
        *("wachhund.fleet", "wachhund.ledger", "wachhund.config", "wachhund_evidence"),
    ),
    "wachhund.broker_child": ("wachhund.tied_child",),
    "wachhund.broker_clients": ("wachhund.fleet", "wachhund_evidence"),
    "wachhund.broker_member": ("wachhund.config",),
    "wachhund.broker_config": (
        *("wachhund.broker_member", "wachhund.fleet", "wachhund.ledger", "wachhund.config", "wachhund_evidence"),
    ),
    "wachhund.broker_events": ("wachhund.broker_clients", "wachhund.broker_config", "wachhund.fleet"),
    "wachhund.broker_insiders": ("wachhund.broker_config", "wachhund.fleet", "wachhund_evidence"),
    "wachhund.broker_restarts": (),
    "wachhund.broker_pulse": ("wachhund.broker_config", "wachhund.fleet"),
    "wachhund.tied_child": (),
    "wachhund.pacing": (),
    "wachhund.service_manager": (),
    "wachhund.cluster": (  # nats-server is run by the broker's rooms; who speaks to it speaks by this one
        *("wachhund.broker", "wachhund.broker_config", "wachhund.broker_insiders", "wachhund.broker_member"),
        *("wachhund.service_manager", "wachhund.log_lines", "wachhund.fleet", "wachhund.ledger", "wachhund.config"),
        *("wachhund.serving.stopping", "wachhund_evidence"),
    ),
    "wachhund.cluster.command": ("wachhund", "wachhund_evidence"),  # it makes all that several machines need
    "wachhund.cluster.node": ("wachhund", "wachhund_evidence"),  # it holds a broker and the door for enrolment together
    # A worker holds the parts of a host together that take in and judge, and the desk those that are there once.
    "wachhund.cluster.worker": (
        *("wachhund.cluster", "wachhund.intake", "wachhund.judge", "wachhund.fleet", "wachhund.ledger"),
        "wachhund_evidence",
    ),
    "wachhund.cluster.shared_rules": ("wachhund.judge",),
    "wachhund.cluster.desk": ("wachhund.alerts", "wachhund.keeping", "wachhund.ledger", "wachhund.notify"),
    "wachhund.intake": (
        *("wachhund.witness", "wachhund.fleet", "wachhund.ledger", "wachhund.config"),
        *("wachhund.pacing", "wachhund_evidence"),
    ),
    "wachhund.witness": ("wachhund.keeping.moments", "wachhund.fleet", "wachhund.ledger", "wachhund_evidence"),
    "wachhund.keeping": (
        *("wachhund.keeping.policy", "wachhund.keeping.moments", "wachhund.keeping.arguments", "wachhund.judge"),
        *("wachhund.fleet", "wachhund.ledger", "wachhund.config", "wachhund_evidence"),
    ),
    "wachhund.keeping.policy": ("wachhund_evidence",),  # what config reads
    "wachhund.judge": ("wachhund.ledger", "wachhund.config", "wachhund.pacing", "wachhund_evidence"),
    "wachhund.alerts": (
        "wachhund.exports",
        *("wachhund.people.roles", "wachhund.keeping.arguments", "wachhund.keeping.moments", "wachhund.judge"),
        *("wachhund.fleet", "wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.authorise": (
        *("wachhund.keeping.arguments", "wachhund.keeping.moments", "wachhund.judge", "wachhund.fleet"),
        *("wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.notify": (
        "wachhund.alerts",
        *("wachhund.keeping.arguments", "wachhund.keeping.moments", "wachhund.judge", "wachhund.fleet"),
        *("wachhund.ledger", "wachhund.tied_child", "wachhund_evidence"),
    ),
    "wachhund.baseline": (
        *("wachhund.keeping.arguments", "wachhund.keeping.moments", "wachhund.judge", "wachhund.fleet"),
        *("wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.rulebook": (
        *("wachhund.keeping.moments", "wachhund.judge", "wachhund.fleet", "wachhund.ledger", "wachhund.config"),
        "wachhund_evidence",
    ),
    "wachhund.explain": (
        *("wachhund.keeping.arguments", "wachhund.judge", "wachhund.rulebook", "wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.keeping.arguments": (
        *("wachhund.keeping.moments", "wachhund.fleet", "wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.robot_tree": ("wachhund.judge.wording", "wachhund_evidence"),
    "wachhund.inspection": (
        *("wachhund.robot_tree", "wachhund.judge.meaning", "wachhund.judge.wording", "wachhund_evidence"),
    ),
    "wachhund.inspection.over_ssh": (  # a robot is reached as it is when it is flashed
        *("wachhund.flash", "wachhund.inspection", "wachhund.robot_tree", "wachhund.judge.wording"),
        "wachhund_evidence",
    ),
    "wachhund.inspection.printing": (
        *("wachhund.inspection", "wachhund.exports.pdf", "wachhund.exports.record", "wachhund.judge.wording"),
    ),
    "wachhund.inspection.report_files": ("wachhund.inspection", "wachhund_evidence"),
    "wachhund.inspection.watch_over_ssh": ("wachhund.flash", "wachhund_evidence"),
    "wachhund.inspection.watched": (  # judged as a robot of a fleet is
        *("wachhund.inspection", "wachhund.judge", "wachhund_evidence"),
    ),
    "wachhund.inspection.command": (
        *("wachhund.flash", "wachhund.inspection", "wachhund.robot_tree", "wachhund.judge.wording"),
        "wachhund_evidence",
    ),
    "wachhund.audit": (
        "wachhund.alerts.incident_record",
        *("wachhund.inspection", "wachhund.judge.wording"),
        *("wachhund.keeping.moments", "wachhund.exports", "wachhund.fleet", "wachhund.ledger", "wachhund.config"),
        "wachhund_evidence",
    ),
    "wachhund.reports": (  # the evidence is checked as a bundle's recipient does, and told as an audit tells
        *("wachhund.audit", "wachhund.inspection", "wachhund.judge.coverage", "wachhund.judge.wording"),
        *("wachhund.alerts.life", "wachhund.keeping.moments", "wachhund.fleet", "wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.flash": (
        "wachhund.robot_tree",
        *("wachhund.judge.signed_packs", "wachhund.judge.wording", "wachhund.web.standing"),
        *("wachhund.fleet", "wachhund.ledger", "wachhund_evidence"),
    ),
    "wachhund.exports": (  # the incident goes in, plain data comes out; people read the words of the page
        *("wachhund.judge", "wachhund.web.hops", "wachhund.web.path_picture", "wachhund.web.robot_text"),
    ),
    "wachhund.keeping.moments": ("wachhund_evidence",),  # how people give a time
    "wachhund.people": (
        "wachhund.people.roles",
        *("wachhund.keeping.arguments", "wachhund.keeping.moments", "wachhund.fleet", "wachhund.ledger"),
        "wachhund_evidence",
    ),
    "wachhund.people.roles": (),
    "wachhund.web": (
        *("wachhund.people", "wachhund.exports", "wachhund.keeping.policy", "wachhund.keeping.moments"),
        "wachhund.assurance",
        *("wachhund.alerts", "wachhund.authorise", "wachhund.judge", "wachhund.ledger", "wachhund.config"),
        # Pages that check, hunt and report do so by the code of the commands.
        *("wachhund.audit", "wachhund.rulebook", "wachhund.reports", "wachhund.inspection"),
        "wachhund.notify",
        "wachhund_evidence",
    ),
    "wachhund.config": ("wachhund.keeping.policy", "wachhund_evidence"),
}


def module_name(path: Path) -> str:
    """`agent/wachhund_agent/kernel/procfs.py` -> `wachhund_agent.kernel.procfs`."""
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The longest room that a module lies in."""
    return max((room for room in MAY_KNOW if module == room or module.startswith(room + ".")), key=len)


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, int]]:
    """Every module of ours that a source imports, with the line. `from x import y` counts as `x.y` and as `x`."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: len(module.split(".")) - node.level + (1 if is_package else 0)]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] in ("wachhund", "wachhund_agent", "wachhund_evidence"):
                yield name, getattr(node, "lineno", 0)


def complaints(path: Path) -> Iterator[str]:
    """Every import of one file that goes through a wall."""
    module = module_name(path)
    room = room_of(module)
    for name, line in imported(ast.parse(path.read_text(encoding="utf-8")), module, path.name == "__init__.py"):
        if name == f"{name.split('.')[0]}.__version__" and name.split(".")[0] == module.split(".")[0]:
            continue
        target = room_of(name)
        if target != room and not any(name == known or name.startswith(known + ".") for known in MAY_KNOW[room]):
            yield f"{path.relative_to(ROOT)}:{line}: {module} must not know {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: module_name(path))
def test_a_module_only_knows_the_rooms_it_may_know(path: Path) -> None:
    """The robot's side and the host's share one language and nothing else; each side's facts go one way."""
    assert list(complaints(path)) == []


def test_the_walls_are_seen_to_be_broken() -> None:
    """A check of imports that finds nothing because it reads nothing would be worse than none."""
    tree = ast.parse("def f():\n    from wachhund_agent.kernel import procfs\n    import wachhund.web.door\n")
    assert [name for name, _ in imported(tree, "wachhund.judge.fact", False)] == [
        "wachhund_agent.kernel.procfs",
        "wachhund.web.door",
    ]
    assert room_of("wachhund.web.door") == "wachhund.web"
    assert room_of("wachhund_agent.kernel.procfs") == "wachhund_agent.kernel"
    assert len(SOURCES) > 20


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: module_name(path))
def test_no_package_relies_on_assert(path: Path) -> None:
    """`python -O` removes an assert: what it checked would be unchecked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: module_name(path))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """A newcomer reads the first line of a file before anything else."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "no docstring"


# What of itself each part of the installer may know. It runs before anything is unpacked, on what a robot has.
OF_INSTALLER = {
    "wachhund_seal": {"wachhund_seal"},
    "wachhund_install": {"wachhund_install", "wachhund_seal"},
    "wachhund_unpack": {"wachhund_unpack", "wachhund_install", "wachhund_seal"},
}


@pytest.mark.parametrize("path", INSTALLER, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_the_installer_needs_the_standard_library_and_nothing_else(path: Path) -> None:
    """There is nothing else on a robot, and what is in the bundle may not be believed yet."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
    assert ast.get_docstring(tree), "no docstring"
    allowed = OF_INSTALLER[path.parent.name] | sys.stdlib_module_names
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert [name for name in names if name.split(".")[0] not in allowed] == []
        assert not isinstance(node, ast.Assert), "`python -O` removes it"


# cryptography 45.0.7 is the last for the robot's Python (docs/attacks.md, A13): what is not used of it can't go stale.
OF_CRYPTOGRAPHY = {
    "cryptography": {"__version__", "x509"},  # x509: to take the public key out of the door's certificate
    "cryptography.exceptions": {"InvalidSignature", "UnsupportedAlgorithm"},
    "cryptography.hazmat.primitives": {"serialization"},
    "cryptography.hazmat.primitives.asymmetric.ed25519": {"Ed25519PrivateKey", "Ed25519PublicKey"},
}


def test_the_robot_uses_a_frozen_library_for_ed25519_and_key_files_only() -> None:
    """SHA-256 and zlib are the interpreter's; TLS is its ssl."""
    used = set()
    for path in SOURCES:
        if path.is_relative_to(ROOT / "agent"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cryptography":
                    used |= {(node.module, one.name) for one in node.names}
                elif isinstance(node, ast.Import):
                    used |= {
                        (one.name, "__version__") for one in node.names if one.name.split(".")[0] == "cryptography"
                    }
    assert used
    assert sorted(use for use in used if use[1] not in OF_CRYPTOGRAPHY.get(str(use[0]), set())) == []
