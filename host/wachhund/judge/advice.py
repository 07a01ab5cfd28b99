"""What to do, in steps for people. Numbers and checked addresses only: no text of a robot enters a command."""

from wachhund.judge.authorisations import parsed_address
from wachhund.judge.incident import Incident

KEEP = "Keep the evidence below before you change anything on the disk."
PASSWORDS = "Change the passwords of pi and unitree on every board: the default ones are public."


def _cut(address: str | None) -> str:
    where = parsed_address(address)  # none with a zone, which is any text
    if where is None:
        return "Cut the robot from the network that this came by (modem or access point)."
    tool = "iptables" if where.version == 4 else "ip6tables"
    return f"Cut it off: sudo {tool} -I OUTPUT -d {where} -j DROP; sudo {tool} -I INPUT -s {where} -j DROP"


def _stoppable(incident: Incident) -> int | None:
    """The process behind the door, if its number means one: to kill, 0 and -1 are many, and 1 is the whole system."""
    pid = incident.door.pid if incident.door else None
    return pid if pid is not None and pid > 1 else None


def relay_steps(incident: Incident, certain: bool, address: str | None) -> tuple[str, ...]:
    """For a relay: look, keep, cut, stop, find what starts it."""
    pid = _stoppable(incident)
    look = (
        f"Look what it is: sudo ls -l /proc/{pid}/exe; ps -o pid,ppid,user,lstart,args -p {pid}"
        if pid is not None
        else "Look which program holds the connections named below: sudo ss -tnp"
    )
    if not certain:
        return (
            look,
            "Ask whoever looks after this robot whether they know the program.",
            "Wait for the bytes: this incident rises by itself when they show a relay.",
        )
    stop = f"Stop it: sudo kill {pid}" if pid is not None else "Stop that program."
    return (
        look,
        KEEP,
        _cut(address),
        stop + "; then find what starts it: systemctl list-units, crontab -l, Unitree/autostart",
        PASSWORDS,
    )


def direct_steps(address: str | None) -> tuple[str, ...]:
    """For a visitor straight from the internet."""
    return (
        KEEP,
        _cut(address),
        "See who is logged in and end it: who -u; sudo pkill -KILL -t <the terminal shown>",
        "Close the port to the internet at the modem or its provider: a control surface belongs on a private network.",
        PASSWORDS,
    )


def loopback_steps() -> tuple[str, ...]:
    """For a login whose other end is on the robot itself."""
    return (
        "See who is logged in: who -u; ps -ef --forest",
        "Look which program holds the other end: sudo ss -tnp",
        "If a person did this on the robot itself, nothing is wrong.",
    )
