"""The field mapping: what each Sigma category is among a robot's observations, and what no sense tells.

Source of the names: Sigma taxonomy (process_creation, network_connection, file_event, dns_query), which are Sysmon's.
Columns marked "ours" are beside the taxonomy: they hold what robots tell and Sigma has no name for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigma.processing.conditions import LogsourceCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation

UNTOLD = "Untold"  # the column of all fields that nothing fills: always NULL


@dataclass(frozen=True)
class Category:
    """One Sigma category as a table. `columns`: name -> what it is filled from, in the order of a row's values.

    `numbers`: columns that compare as numbers. `names`: further Sigma names of a column. `untold`: fields of the
    taxonomy that no sense tells, each with the reason. `places`: if the category sees some files only, which.
    """

    columns: Mapping[str, str]
    numbers: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    untold: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    def known(self, name: str) -> bool:
        """Whether Sigma's field of that name has a column, or a reason why not."""
        return name in self.columns or name in self.names or name in self.untold


_NO_WINDOWS = "programs of Linux carry no such mark"
_NO_LOGIN_ID = "no sense tells the kernel's number of a login session (audit's `ses`)"
_NO_ACTOR = "no sense tells which program changed a file"
_OTHER_HASH = "agents tell SHA-256 only"

CATEGORIES: Mapping[str, Category] = {
    "process_creation": Category(
        columns={
            "Image": "process.start exe",
            "CommandLine": "process.start argv, with spaces between",
            "ParentImage": "process.start parent_exe",
            "ParentCommandLine": "the parent's own process.start",
            "User": "process.start user",
            "CurrentDirectory": "process.start cwd",
            "ProcessId": "process.start pid",
            "ParentProcessId": "process.start ppid",
            "Hashes": "process.start or process.image exe_sha256, as SHA256=...",
            "sha256": "the same, alone",
            "Unit": "process.start unit (ours)",
            "Container": "process.start container (ours)",
            "Script": "process.start or process.image script (ours)",
            "Deleted": "process.start exe_deleted, 'true' or 'false' (ours)",
            "CommandLineCut": "process.start argv was too long to be told whole, 'true' or 'false' (ours)",
        },
        numbers=frozenset({"ProcessId", "ParentProcessId"}),
        names={"SHA256": "sha256"},
        untold={
            "LogonId": _NO_LOGIN_ID,
            "LogonGuid": _NO_LOGIN_ID,
            "TerminalSessionId": _NO_LOGIN_ID,
            "ParentUser": "no sense tells the parent's account",
            **dict.fromkeys(("md5", "sha1", "Imphash", "imphash"), _OTHER_HASH),
            **dict.fromkeys(
                ("OriginalFileName", "Product", "Company", "Description", "FileVersion", "IntegrityLevel"), _NO_WINDOWS
            ),
            **dict.fromkeys(("ProcessGuid", "ParentProcessGuid"), "no sense tells Sysmon's own numbers"),
        },
    ),
    "network_connection": Category(
        columns={
            "Image": "flow.open exe",
            "User": "flow.open user",
            "ProcessId": "flow.open pid",
            "Protocol": "flow.open proto",
            "Initiated": "flow.open direction: 'true' for out",
            "SourceIp": "flow.open local, of an accepted one remote",
            "SourcePort": "flow.open local, of an accepted one remote",
            "DestinationIp": "flow.open remote, of an accepted one local",
            "DestinationPort": "flow.open remote, of an accepted one local",
            "DestinationHostname": "flow.open remote_name: as the robot looked it up",
            "Scope": "flow.open scope (ours)",
        },
        numbers=frozenset({"ProcessId", "SourcePort", "DestinationPort"}),
        untold={
            "SourceHostname": "no sense tells the name of who began",
            "CommandLine": "a connection's program is told without its arguments",
            "ParentImage": "a connection's program is told without its parent",
            **dict.fromkeys(
                ("SourceIsIpv6", "DestinationIsIpv6", "SourcePortName", "DestinationPortName"),
                "not told apart: write addresses and ports",
            ),
        },
    ),
    "file_event": Category(
        columns={
            "TargetFilename": "persistence.change path, but for deletions",
            "Class": "persistence.change class (ours)",
            "Change": "persistence.change change (ours)",
        },
        untold={
            "Image": _NO_ACTOR,
            "User": "no sense tells which account changed a file",
            "ProcessId": _NO_ACTOR,
            "ParentImage": _NO_ACTOR,
            "CommandLine": _NO_ACTOR,
            "CreationUtcTime": "no sense tells it",
            "PreviousCreationUtcTime": "no sense tells it",
        },
        # As the agent's persistence sense watches by itself; * is one part of a path and ~ any home.
        places=(
            *("/etc/systemd/system/*", "/etc/systemd/system/*/*", "/lib/systemd/system/*", "/run/systemd/system/*"),
            *("/usr/local/lib/systemd/system/*", "~/.config/systemd/user/*", "/etc/crontab", "/etc/cron.*/*"),
            *("/var/spool/cron/*", "/var/spool/cron/crontabs/*", "/etc/rc.local", "/etc/init.d/*", "/etc/profile"),
            *("/etc/profile.d/*", "/etc/bash.bashrc", "~/.bashrc", "~/.profile", "~/.bash_profile", "~/.zshrc"),
            *("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*", "/etc/xdg/autostart/*", "~/.config/autostart/*"),
            *("~/.ssh/authorized_keys", "~/.ssh/authorized_keys2", "/etc/ld.so.preload", "/etc/ld.so.conf"),
            *("/etc/ld.so.conf.d/*", "/etc/pam.d/*", "/etc/security/*", "/etc/sudoers", "/etc/sudoers.d/*"),
            *("/etc/udev/rules.d/*", "/lib/udev/rules.d/*", "/etc/modules", "/etc/modules-load.d/*"),
            *("/etc/modprobe.d/*", "~/.local/lib/python3*/site-packages/*.pth", "/usr/lib/python3/dist-packages/*.pth"),
            *("/usr/lib/python3*/sitecustomize.py", "~/.local/lib/python3*/site-packages/usercustomize.py"),
            "/home/pi/Unitree/autostart/*",
        ),
    ),
    "dns_query": Category(
        columns={
            "QueryName": "dns.summary domain: the last two labels",
            "Queries": "dns.summary queries (ours)",
            "DistinctNames": "dns.summary distinct_names (ours)",
            "LongestLabel": "dns.summary longest_label (ours)",
            "BytesOut": "dns.summary bytes_out (ours)",
            "BytesIn": "dns.summary bytes_in (ours)",
            "Entropy": "dns.summary entropy (ours)",
        },
        numbers=frozenset({"Queries", "DistinctNames", "LongestLabel", "BytesOut", "BytesIn", "Entropy"}),
        untold={
            "Image": "look-ups are told without the program that asked",
            "ProcessId": "look-ups are told without the program that asked",
            "QueryStatus": "answers are counted, not told one by one",
            "QueryResults": "answers are counted, not told one by one",
        },
    ),
}


def _mapped(known: Category) -> dict[str | None, str | list[str]]:
    return {**dict(known.names.items()), **dict.fromkeys(known.untold, UNTOLD)}


def field_mapping() -> ProcessingPipeline:
    """The mapping as pySigma applies it to a rule before it is converted."""
    return ProcessingPipeline(
        name="Wachhund",
        items=[
            ProcessingItem(
                FieldMappingTransformation(_mapped(known)),
                rule_conditions=[LogsourceCondition(category=category)],
            )
            for category, known in CATEGORIES.items()
        ],
    )
