"""What is answered. Times are host time in seconds since the epoch; ids, names and texts may hold a robot's text.

What the judge writes (incidents, sessions) may gain fields in a later version: they are passed on, not dropped.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]


class Open(BaseModel):
    """A row that may hold more than is named here."""

    model_config = ConfigDict(extra="allow")


class Word(BaseModel):
    """One of the three words of a robot: proof, control, coverage. `about`: what `since_t` is the time of."""

    word: str = Field(examples=["verified"])
    tone: str = Field(description="good, warn, bad or open", examples=["good"])
    reason: str
    since_t: float | None
    about: str


class Session(Open):
    """A use of a robot's surface, as the judge followed it. `last_t` null: it goes on. `origin`: hop by hop."""

    id: str
    surface: str | None = None
    robot: str | None = Field(default=None, description="The robot's name.")
    user: str | None = None
    first_t: float
    last_t: float | None = None
    origin: list[JsonObject] = []
    carrier: str | None = None
    authorisation: Any = Field(default=None, description="What allows it; null: nothing that is known.")
    incident: str | None = None


class IncidentHead(Open):
    """An incident in a line."""

    id: str
    robot: str | None = Field(description="The robot's name.")
    title: str
    level: str = Field(examples=["critical"])
    state: str = Field(examples=["open"])
    first_t: float
    last_t: float


class Incident(IncidentHead):
    """One story, as docs/operate.md explains its fields."""

    kind: str | None = None
    sessions: list[Session] = []
    surface: str | None = None
    origin: list[JsonObject] = []
    rules: list[str] = []
    attack: list[str] = []
    story: list[str] = []
    advice: list[str] = []
    unknown: list[str] = []
    evidence: list[JsonObject] = []


class RobotRow(BaseModel):
    """One robot as the fleet sees it."""

    id: str
    name: str
    site: str | None = Field(description="Where it stands, as people named it.")
    tags: list[str]
    proof: Word
    control: Word
    coverage: Word
    last_evidence_t: float | None
    agent: str | None
    sessions: list[Session] = Field(description="Those that go on, 100 at most.")
    incidents: list[IncidentHead] = Field(description="Those that are not closed, the gravest first.")


class FleetPart(BaseModel):
    """A part of the fleet, by name. `total`: of all robots, `found`: how many match; null where nobody counted."""

    t: float
    total: int
    found: int | None
    items: list[RobotRow]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class IncidentsPart(BaseModel):
    """A part of the incidents, the newest beginnings first. `counts`: how many stand in each state, unfiltered."""

    t: float
    counts: dict[str, int]
    items: list[Incident]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class CampaignRobot(BaseModel):
    """What a campaign did on one robot. `last_t` null: a session goes on. `incidents`: their ids."""

    robot: str = Field(description="The robot's name.")
    first_t: float
    last_t: float | None
    sessions: int
    incidents: list[str]


class CampaignHead(BaseModel):
    """The same somebody on several robots at a time, and nobody allowed it. `robots`: how many."""

    id: str
    who: str = Field(description="An address, an IPv6 network, or relay:NAME.", examples=["203.0.113.7"])
    site: str | None = Field(description="Where, if the address is of a local network; null: it matters not.")
    title: str
    level: str = Field(examples=["critical"])
    first_t: float
    last_t: float
    goes_on: bool
    robots: int
    sessions: int


class Campaign(CampaignHead):
    """One campaign, with each robot. `in_sessions`: the first of its sessions, 100 at most."""

    on: list[CampaignRobot]
    in_sessions: list[Session]
    advice: list[str]


class CampaignsPart(BaseModel):
    """A part of the campaigns, the newest beginnings first."""

    t: float
    items: list[CampaignHead]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class SessionsPart(BaseModel):
    """A part of the sessions, the newest beginnings first."""

    t: float
    items: list[Session]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class Robot(RobotRow):
    """One robot with everything its page shows. The lists of things that run are cut, `more` counts what was left."""

    t: float
    ueid: str
    kid: str
    build: str
    assurance: str
    senses: list[JsonObject]
    processes: list[JsonObject]
    flows: list[JsonObject]
    listeners: list[JsonObject]
    more: dict[str, int]
    unobserved: list[JsonObject]
    chains: list[JsonObject]
    refused: list[JsonObject]
    faults: list[JsonObject]
    remarks: list[JsonObject]


class Check(BaseModel):
    """One check of a token: `result` pass, fail or "not checked"."""

    name: str
    result: str
    meaning: str


class Evidence(BaseModel):
    """One token with the result of each check, made now; or what is left of it, when its text was erased."""

    robot: str
    chain: str
    seq: int
    received_t: float | None = None
    nonce_t: float | None = None
    stands: bool | None = Field(default=None, description="Whether no check failed; null: it was erased.")
    checks: list[Check] = []
    observations: list[JsonObject] = []
    token: str | None = None
    public_key: str | None = None
    hash: str | None = None
    prev: str | None = None
    erased: JsonObject | None = Field(default=None, description="The act of forgetting that took its text.")


class Authorisation(BaseModel):
    """An operator's statement that sessions are wanted. `robots`, `surfaces`, `sources`, `carrier` null: any."""

    id: str
    state: str = Field(description="planned, valid, past or withdrawn", examples=["valid"])
    who: str = Field(description="Whose sessions they are, and who answers for them.")
    robots: list[str] | None
    surfaces: list[str] | None
    sources: list[str] | None = Field(description="Addresses and networks.")
    carrier: str | None
    from_t: float
    until_t: float
    why: str
    author: str
    made_t: float
    ended_by: str | None
    ended_why: str | None


class AuthorisationsPart(BaseModel):
    """A part of the authorisations, the newest first."""

    t: float
    items: list[Authorisation]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class Silence(BaseModel):
    """What nobody is told of for a while. `robots`, `rules`, `kinds`, `surfaces`, `sources` null: any."""

    id: str
    state: str = Field(description="planned, valid, past or ended", examples=["valid"])
    maintenance: bool = Field(description="Somebody works on these robots.")
    critical: bool = Field(description="Also what is critical is held back.")
    robots: list[str] | None
    rules: list[str] | None
    kinds: list[str] | None
    surfaces: list[str] | None
    sources: list[str] | None = Field(description="Addresses and networks.")
    from_t: float
    until_t: float
    ends_t: float = Field(description="When it ends as the host's clock is now.")
    ends_unused: bool = Field(description="It ends itself after a day without a match.")
    matched_t: float | None = Field(description="The last match; null: none yet.")
    why: str
    author: str
    made_t: float
    ended_by: str | None
    ended_why: str | None


class SilencesPart(BaseModel):
    """A part of the silences, the newest first."""

    t: float
    items: list[Silence]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class Me(BaseModel):
    """Who asks, and the host's clock."""

    operator: str
    t: float


class Keeping(Open):
    """How long evidence is kept, the ledger's room, what is held, and what was forgotten by whom and why."""

    keep: JsonObject | None
    last_t: float | None
    room: JsonObject
    robots: list[JsonObject]
    holds: list[Any]
    acts: list[Any]


class IncidentLife(BaseModel):
    """Where an incident stands between people, and what they did about it, the oldest first.

    `version`: to be named by the next act, so that nobody undoes unseen what another did.
    """

    incident: str
    state: str = Field(description="open, acknowledged, came-back or closed", examples=["open"])
    because: str
    version: int
    assignee: str | None
    acts: list[JsonObject]


class Report(BaseModel):
    """A signed report. `kid`: of the key that signed it; `sha256`: of the signed text; `worst`: null for no finding."""

    id: str
    robot: str = Field(description="The robot's name.")
    from_t: float
    to_t: float
    made_t: float
    by_whom: str
    kid: str
    sha256: str
    outcome: str
    worst: str | None


class ReportsPart(BaseModel):
    """A part of the reports, the newest first."""

    t: float
    items: list[Report]
    next: str | None = Field(description="The cursor of the next part; null: that was all.")


class HuntHead(BaseModel):
    """One look back. `state`: runs, done, cancelled, out of time or failed (`why`); `found`: matches so far."""

    id: str
    title: str
    by: str
    state: str = Field(examples=["done"])
    why: str
    since_t: float
    started_t: float
    robot: str | None = Field(description="The robot's name; null: all.")
    found: int


class Hunt(HuntHead):
    """One look back with what it found: the first 1,000 matches."""

    matches: list[JsonObject]


class HuntsPart(BaseModel):
    """Those that the host keeps, the newest first."""

    t: float
    items: list[HuntHead]


class Labels(BaseModel):
    """What people call a robot by."""

    robot: str
    site: str | None
    tags: list[str]


class EnrolmentToken(BaseModel):
    """What a person carries to a robot; or why there is none."""

    name: str
    token: str | None
    expires_t: float | None
    problem: str | None


class EnrolmentTokens(BaseModel):
    """`fingerprint`: of the host's key; `doors`: where robots enrol, in the order in which they try them."""

    t: float
    fingerprint: str
    doors: list[str]
    items: list[EnrolmentToken]


class EnrolmentLine(BaseModel):
    """One fact. `state`: done, waits, late or failed."""

    key: str
    title: str
    state: str
    found: str
    limit: str
    cause: str
    remedy: str


class Enrolment(BaseModel):
    """A robot on its way in. `words`: to be compared with those on the robot before it is accepted."""

    name: str
    enrolled: bool
    may_accept: bool
    words: str
    lines: list[EnrolmentLine]


class Act(BaseModel):
    """One act. `robot`: an id, empty for none or several; `hash` covers all the rest and the act before."""

    number: int
    t: float
    who: str
    act: str
    subject: str
    robot: str
    why: str
    detail: JsonObject
    hash: str


class ActsPart(BaseModel):
    """A part of the log, the oldest first."""

    t: float
    broken: int | None = Field(description="The first act that is not what was written; null: none.")
    items: list[Act]
    next: str | None = Field(description="Cursor of the next part; null: this was the last.")


class WouldAllow(BaseModel):
    """What an authorisation would cover. `now`: sessions that are open; `past`: sessions that are over."""

    now: list[JsonObject]
    past: int
    cut: bool = Field(description="There are more than were looked at.")
    incidents: list[JsonObject]


class WouldSilence(BaseModel):
    """What a silence would hold back: ids of incidents that need somebody now, and of those of 30 days."""

    now: list[str]
    past: list[str]
    cut: bool = Field(description="There are more than were looked at.")
