"""Secrets stay on the robot: passwords, tokens and keys in arguments are replaced before anything is stored.

A mistake towards redacting costs a reader one word; a mistake the other way signs a password and keeps it for a year.
So a value is taken out when its option's name, its program or its shape says secret. Whoever runs a program chooses
these words, so no pattern here may take more than a time proportional to their length. Pure.
"""

import re
from typing import List, Sequence, Tuple

MARK = "<redacted>"

_TELLTALE = (
    r"(?:pass(?:word|wd|phrase|code|wort)?|pwd|secret|token|(?:api|auth|access|account|v|pre|license)[-_]?key|"
    r"credentials?|psk|bearer|otp|pin)"
)
_NOT_THE_VALUE = r"(?:file|path|stdin|fd|env|prompt|url|type|length|policy|name|id|dir|command|cmd)"
# -token, --password, -vkey, --client-secret, but not --password-file or --token-type.
_SECRET_OPTION = re.compile(
    r"^--?(?!no-)(?:[a-z0-9]+[-_])*{0}(?![-_]?{1}$)(?:[-_][a-z0-9]+)*$".format(_TELLTALE, _NOT_THE_VALUE),
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"(?P<name>(?:^|(?<=[\s;&|?,'\"{{(]))-{{0,2}}(?:(?:[^\W_]*[-_.])*|\w+(?=pass|secret|token)){0}(?:[-_]\w+)?['\"]?\s?[=:])(?P<value>(?:'[^']*'|\"[^\"]*\"|[^\s'\"&;,]+))".format(
        _TELLTALE
    ),
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?P<before>(?:\w://|^|(?<=\s))[^/\s:@'\"]*):(?P<value>[^@/\s]+)(?=@[\w\[.-])")
_HEADER = re.compile(
    r"(?P<name>\b(?:proxy-)?authorization|\bx-[\w-]{0,64}(?:key|token|auth)|\bcookie)(?P<colon>\s*:\s*)(?P<value>.+)",
    re.IGNORECASE,
)
_SHAPE = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bsk-[\w-]{20,}|\bxox[abpr]-[\w-]{10,}"
    r"|\bwachhund1-[\w-]{20,}"  # our own invitations (wachhund_evidence.enrolment)
)
_WORDS = re.compile(r"'[^']*'|\"[^\"]*\"|\S+|\s+")

# What one letter means depends on the program: -p is ssh's port and sshpass's password. Which word is the program
# depends on those before it (`sudo -u root curl`, `nsenter --net=... mosquitto_pub`): the words behind any that names
# one of these are read as its own.
_VALUE_FOLLOWS = {
    "sshpass": ("-p",),
    "curl": ("-u", "-U", "--user", "--proxy-user", "-E"),
    "wget": ("--user",),
    "redis-cli": ("-a",),
    "mosquitto_pub": ("-P", "--pw"),
    "mosquitto_sub": ("-P", "--pw"),
    "mosquitto_rr": ("-P", "--pw"),
    "ldapsearch": ("-w",),
    "ldapmodify": ("-w",),
    "smbclient": ("-U",),
    "rpcclient": ("-U",),
    "plink": ("-pw",),
    "pscp": ("-pw",),
    "zip": ("-P",),
    "unzip": ("-P",),
    "openssl": ("-passin", "-passout", "-k", "-K", "-pass"),
    "useradd": ("-p",),
    "usermod": ("-p",),
    "ngrok": ("authtoken", "add-authtoken"),
    "nmcli": ("password", "wifi-sec.psk", "802-11-wireless-security.psk"),
    "npc": ("-vkey",),
    "iodine": ("-P",),
    "iodined": ("-P",),
    "ptunnel": ("-x",),
    "edge": ("-k",),
    "htc": ("-A",),
    "frpc": ("-t",),
    "chisel": ("--auth",),
    "csclient": ("-token",),
    "ipmitool": ("-P",),
    "snmpwalk": ("-c", "-A", "-X"),
    "snmpget": ("-c", "-A", "-X"),
}
_VALUE_ATTACHED = {
    "sshpass": ("-p",),
    "mysql": ("-p",),
    "mysqldump": ("-p",),
    "mysqladmin": ("-p",),
    "mariadb": ("-p",),
    "7z": ("-p",),
    "7za": ("-p",),
    "rar": ("-p", "-hp"),
    "curl": ("-u", "-U"),
    "xfreerdp": ("/p:",),
    "redis-cli": ("-a",),
    "mosquitto_pub": ("-P",),
    "mosquitto_sub": ("-P",),
    "iodine": ("-P",),
    "iodined": ("-P",),
    "edge": ("-k",),
    "chisel": ("--auth=",),
}
_LAST_IS_SECRET = {"wpa_passphrase": 2, "htpasswd": 3}  # so many words behind it, with the switch that allows it
_PROGRAMS = frozenset((*_VALUE_FOLLOWS, *_VALUE_ATTACHED, *_LAST_IS_SECRET))


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _inside(word: str) -> Tuple[str, int]:
    """Secrets that one argument carries within itself."""
    count = 0
    for pattern, build in (
        (_HEADER, lambda found: found.group("name") + found.group("colon") + MARK),
        (_ASSIGNMENT, lambda found: found.group("name") + MARK),
        (_URL_PASSWORD, lambda found: found.group("before") + ":" + MARK),
        (_SHAPE, lambda found: MARK),
    ):
        word, found = pattern.subn(build, word)
        count += found
    return word, count


def _sentence(argument: str, more: Sequence[str]) -> Tuple[str, int]:
    """A whole command line in one argument, as `sh -c` takes it."""
    pieces = _WORDS.findall(argument)
    places = [place for place, piece in enumerate(pieces) if not piece.isspace()]
    words, count = redact([pieces[place] for place in places], more)
    for place, word in zip(places, words):
        pieces[place] = word
    return "".join(pieces), count


def redact(argv: Sequence[str], more: Sequence[str] = ()) -> Tuple[List[str], int]:
    """The arguments without their secrets, and how many were taken out.

    `more`: names of options or variables (such as `--door-code`) whose value is secret too, as the next word or after
    "=" or ":" in the same.
    """
    made: List[str] = []
    count = 0
    follows = set(more)
    attached = [name + sign for name in more for sign in "=:"]
    last_from = len(argv)
    secret_next = False
    for place, word in enumerate(argv):
        if secret_next:
            secret_next = False
            made.append(MARK)
            count += 1
            continue
        program = _base(word.strip("'\""))
        if program in _PROGRAMS:
            follows.update(_VALUE_FOLLOWS.get(program, ()))
            attached += [start for start in _VALUE_ATTACHED.get(program, ()) if start not in attached]
            last_from = min(last_from, place + _LAST_IS_SECRET.get(program, len(argv)))
        if word in follows or _SECRET_OPTION.match(word):
            secret_next = True
            made.append(word)
            continue
        start = next((start for start in attached if word.startswith(start) and len(word) > len(start)), None)
        if start is not None:
            made.append(start + MARK)
            count += 1
            continue
        if place >= last_from and not word.startswith("-"):
            made.append(MARK)
            count += 1
            continue
        clean, found = _inside(word)
        if " " in word and len(argv) > 1:
            clean, inner = _sentence(clean, more)
            found += inner
        made.append(clean)
        count += found
    return made, count
