"""What each page is looked at with: a robot under attack, one that is quiet, and incidents in each state."""

import time

from tests.browser.addresses import address_of, routes_of
from tests.browser.conftest import Stage
from tests.unit.host.web.stage import RELAY_PATH, Player
from tests.waiting import until
from wachhund.alerts.campaign_watch import CampaignWatch
from wachhund.ledger import Authorisation


def attack(stage: Stage) -> None:
    """Somebody logged in through a relay, and is there: one session, one incident."""
    session = stage.player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    stage.ledger.save_judgement(1, [stage.player.incident("i1", sessions=[session])], [session])


def play(stage: Stage) -> None:
    """Something to see on every page."""
    player = stage.player
    player.say(player.seen("process.start", puid="1-1", pid=812, exe="/opt/x/agentd", argv=["agentd"], user="root"))
    quiet = Player(stage.ledger, "go1-08")
    quiet.say(quiet.looking(), quiet.seen("agent.start", version="0.1.0"))
    session = player.session("s1", origin=RELAY_PATH, user="pi", incident="i1")
    told = [player.incident("i1", sessions=[session])]
    told += [player.incident(f"i{n}", sessions=[], state=state, origin=RELAY_PATH) for n, state in
             ((2, "acknowledged"), (3, "closed"))]  # fmt: skip
    stage.reports.make(player.robot.id, time.time() - 7200, time.time(), "Kim", "two red dogs")
    stage.ledger.save_judgement(1, told, [session])
    campaign(stage)
    acted(stage)


def campaign(stage: Stage) -> None:
    """Somebody else was on three robots within a minute."""
    now, robots = time.time(), (stage.player.robot.id, "go1-31", "go1-32")
    origin = [{"hop": "address", "address": "198.51.100.9", "port": 443}]
    told = [
        {**stage.player.session(f"c{n}", origin=origin, incident="i1"), "robot": robot, "first_t": now - 60 + n,
         "last_t": now - 30, "carrier": "internet"}
        for n, robot in enumerate(robots)
    ]  # fmt: skip
    stage.ledger.save_judgement(1, [], told)
    CampaignWatch(stage.ledger).look()


def newest_campaign(stage: Stage) -> str:
    """Its id."""
    return str(stage.ledger.campaigns.page(1)[1][0]["id"])


def acted(stage: Stage) -> None:
    """What people made: an authorisation, a report, and a hunt over all that there is."""
    now = time.time()
    robot = stage.player.robot.id
    stage.ledger.authorisations.make(
        Authorisation("", "Kim", (robot,), ("ssh",), None, None, now, now + 600, "a demo", "operator", now)
    )
    stage.reports.make(robot, now - 3600, now, "Kim", "seven blue horses")
    hunt = stage.hunts.start("", stage.hunts.rules()[0].id, 0.0, None, "admin")
    until(lambda: not hunt.runs, 60, "the hunt is over")


def addresses(stage: Stage) -> list[str]:
    """Of every page, with what the stage has."""
    return [address_of(route, **known(stage)) for route in routes_of(stage.app)]


def known(stage: Stage) -> dict[str, str]:
    """What stands for the open parts of addresses that the stage itself drew."""
    report = stage.ledger.reports.page(1)[1][0].id
    return {
        "chain": stage.player.chain, "hunt/identity": stage.hunts.all()[0].id, "report": report,
        "campaigns/identity": newest_campaign(stage),
    }  # fmt: skip
