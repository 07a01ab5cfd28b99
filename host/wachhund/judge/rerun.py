"""A new run of the agent tells anew all that is there: what it does not tell has ended while nobody looked."""

from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.state import RobotState

# What was there before waits so long (seconds, host time) to be told by the new run.
ANNOUNCED_WITHIN_S = 15.0


def began(state: RobotState, fact: Fact) -> None:
    """Take an `agent.start`."""
    state.memory.agent_began(fact.observation.mono)
    state.stale_since = fact.t


def settle(state: RobotState, now: float) -> None:
    """Time passed: end what the new run did not find again. `now`: host time."""
    since_t = state.stale_since
    if since_t is None or now <= since_t + ANNOUNCED_WITHIN_S:
        return
    for flow in state.memory.flows.end_stale(now):
        _end(state, flow)
    for look in state.memory.end_unseen(now):
        _end(state, Flow(FlowFact(look), since_t, since_t, since_t))
    state.stale_since = None


def _end(state: RobotState, flow: Flow) -> None:
    session = state.sessions.of_flow(flow.fact.flow)
    if session is not None:
        state.sessions.moved(session, flow)
