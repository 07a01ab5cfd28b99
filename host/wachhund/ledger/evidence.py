"""Committing evidence: each verified token once, wherever it stands in its chain.

In one transaction: the tokens and their observations, forks, how far each chain is whole, and what is wrong with them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger import erased, losses, noticing, numbers, runs, server_rows, symptoms
from wachhund.ledger.dialects import Upsert, commit_as_if_written, upsert
from wachhund.ledger.fault_kinds import FORK
from wachhund.ledger.places import Row, hash_at, rows_at_each
from wachhund.ledger.records import Held, Standing, VerifiedToken
from wachhund.ledger.schema import chains, forks, observations, stated_gaps, tokens
from wachhund_evidence import ZERO_HASH

MAX_FORKS = 1000  # stored for a robot; a copied key could else fill the disk with them
_IN_ONE_QUERY = 500  # rows read ahead at a time
_TEXT_KEPT = 500  # characters of a gap's reason


_Chains = Mapping[tuple[str, str], Row]


def _there(connection: Connection, batch: Sequence[VerifiedToken]) -> tuple[_Chains, dict[tuple[str, str, int], str]]:
    """The chains that these tokens belong to, as far as they are known, by (robot, chain); and the hashes that are
    committed already at the places of these tokens, also of those whose text was erased."""
    begun = sorted({(token.robot, token.claims.chain) for token in batch})
    places = [(token.robot, token.claims.chain, token.claims.seq) for token in batch]
    known, rows = rows_at_each(
        connection, [(chains, ("robot", "chain"), begun), (tokens, ("robot", "chain", "seq"), places)]
    )
    there = {(row["robot"], row["chain"]): row for row in known}
    held = {(row["robot"], row["chain"], row["seq"]): row["hash"] for row in rows}
    old = [
        place
        for place in places
        if place not in held and (of := there.get(place[:2])) is not None and place[2] <= of["erased_to"]
    ]
    return there, {**held, **erased.hashes(connection, old)}


def _token_row(number: int, token: VerifiedToken) -> dict[str, Any]:
    claims = token.claims
    return {
        "id": number,
        "robot": token.robot,
        "chain": claims.chain,
        "seq": claims.seq,
        "hash": token.hash,
        "prev": claims.prev,
        "bootseed": claims.bootseed,
        "mono": claims.mono,
        "iat": claims.iat,
        "nonce_t": token.nonce_t,
        "received_t": token.received_t,
        "profile": claims.profile,
        "swname": claims.swname,
        "swversion": claims.swversion,
        "text": token.text,
    }


def _observation_rows(number: int, given: Iterator[int], token: VerifiedToken) -> Iterator[dict[str, Any]]:
    for item, observation in enumerate(token.claims.obs):
        yield {
            "id": next(given),
            "token": number,
            "item": item,
            "robot": token.robot,
            "kind": observation.kind,
            "t": observation.t,
            "mono": observation.mono,
            "sensor": observation.sensor,
            "fields": json.dumps(observation.fields, separators=(",", ":")),
        }


def _rows(connection: Connection, new: Sequence[VerifiedToken]) -> list[server_rows.Part]:
    """The rows of new tokens, to be written."""
    of_tokens, of_observations = numbers.give(connection, len(new), sum(len(token.claims.obs) for token in new))
    token_rows: list[dict[str, Any]] = []
    observation_rows: list[dict[str, Any]] = []
    given = iter(of_observations)
    for number, token in zip(of_tokens, new, strict=True):
        token_rows.append(_token_row(number, token))
        observation_rows.extend(_observation_rows(number, given, token))
    return [(tokens, token_rows), (observations, observation_rows)]


def _insert_forks(connection: Connection, forked: Sequence[VerifiedToken]) -> list[VerifiedToken]:
    """Keep tokens for places that others hold. Returns those that were not known."""
    made: list[VerifiedToken] = []
    for token in forked:
        claims = token.claims
        stored = select(func.count()).select_from(forks).where(forks.c.robot == token.robot)
        if (connection.execute(stored).scalar() or 0) >= MAX_FORKS and (
            noticing.goes_on(connection, token.robot, FORK, claims.chain)
            or any((one.robot, one.claims.chain) == (token.robot, claims.chain) for one in made)
        ):
            continue  # beyond the bound one is kept for each time that an operator thought it was over
        row = {
            "robot": token.robot,
            "chain": claims.chain,
            "seq": claims.seq,
            "hash": token.hash,
            "received_t": token.received_t,
            "text": token.text,
        }
        if connection.execute(upsert(forks).values(**row).on_conflict_do_nothing()).rowcount:
            made.append(token)
    return made


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


def _state_gaps(connection: Connection, new: Sequence[VerifiedToken]) -> list[dict[str, Any]]:
    """Keep what robots state as lost, and return it. A gap reaches only up to the token that states it."""
    rows = []
    for token in new:
        for observation in token.claims.obs:
            if observation.kind != "agent.gap":
                continue
            fields = observation.fields
            first, last = _whole(fields.get("from_seq")), _whole(fields.get("to_seq"))
            if first is None or last is None or not 1 <= first <= last < token.claims.seq:
                continue
            reason = fields.get("reason")
            rows.append(
                {
                    "robot": token.robot,
                    "chain": token.claims.chain,
                    "from_seq": first,
                    "to_seq": last,
                    "stated_in": token.claims.seq,
                    "reason": reason[:_TEXT_KEPT] if isinstance(reason, str) else None,
                    "lost": _whole(fields.get("lost")),
                    "received_t": token.received_t,
                }
            )
    if rows:
        connection.execute(upsert(stated_gaps).on_conflict_do_nothing(), rows)
    return rows


def _advance(
    connection: Connection,
    robot: str,
    chain: str,
    seq: int,
    head: str,
    last_seq: int,
    fresh: Mapping[int, str],
    waiting: list[server_rows.Part],
) -> tuple[int, str]:
    """How far the chain is whole from `seq` on, and the hash there: numbers are held, or stated as lost.

    `fresh`: hashes of this commit by number; `last_seq`: the highest number held before it; `waiting`: what is to be
    written before anything is looked for that this commit brings. The end is always a token
    that is held, so that it has a hash. What stands beyond it is in `runs`.
    """
    keeps_up = last_seq <= seq
    while (known := fresh.get(seq + 1)) is not None:
        seq, head = seq + 1, known
    beyond = [number for number in fresh if number > seq]
    if keeps_up and not beyond:
        return seq, head
    server_rows.write(connection, waiting)
    waiting.clear()
    runs.add(connection, robot, chain, beyond)
    reach = whole = seq
    while (further := _step(connection, robot, chain, reach)) is not None:
        reach, is_held = further
        whole = reach if is_held else whole
    if whole > seq:
        seq, head = whole, hash_at(connection, robot, chain, whole) or head
    runs.forget(connection, robot, chain, seq)
    return seq, head


def _step(connection: Connection, robot: str, chain: str, reach: int) -> tuple[int, bool] | None:
    """How far it goes on right behind `reach`, and whether what is there is held, or stated as lost."""
    run = runs.at(connection, robot, chain, reach + 1)
    if run is not None:
        return run[1], True
    stated = select(stated_gaps.c.from_seq, stated_gaps.c.to_seq).where(
        stated_gaps.c.robot == robot, stated_gaps.c.chain == chain, stated_gaps.c.to_seq > reach
    )
    before = reach
    # A full journal states its losses number by number: read many at a time.
    for gap in connection.execute(stated.order_by(stated_gaps.c.from_seq).limit(_IN_ONE_QUERY)):
        if gap.from_seq > reach + 1:
            break
        reach = max(reach, gap.to_seq)
    return (reach, False) if reach > before else None


def _carry_chains_on() -> Upsert:
    made = upsert(chains)
    changed = {name: made.excluded[name] for name in ("seq", "head", "last_seq")}
    return made.on_conflict_do_update(index_elements=["robot", "chain"], set_=changed)


_CARRY_CHAINS_ON = _carry_chains_on()


def _update_chains(
    connection: Connection, there: _Chains, new: Sequence[VerifiedToken], waiting: list[server_rows.Part]
) -> tuple[dict[tuple[str, str], tuple[int, str, int]], dict[tuple[str, str], int]]:
    """Carry each chain of a batch on, and write what is `waiting`; `there`: as they were. Returns seq, head and highest
    number of each, and the highest ones before."""
    stand = {place: (row["seq"], row["head"], row["last_seq"]) for place, row in there.items()}
    by_chain: dict[tuple[str, str], list[VerifiedToken]] = defaultdict(list)
    for token in new:
        by_chain[(token.robot, token.claims.chain)].append(token)
    rows = []
    for (robot, chain), members in by_chain.items():
        seq, head, before = stand.get((robot, chain), (0, ZERO_HASH, 0))
        last_seq = max(before, *(token.claims.seq for token in members))
        fresh = {token.claims.seq: token.hash for token in members}
        seq, head = _advance(connection, robot, chain, seq, head, before, fresh, waiting)
        stand[(robot, chain)] = seq, head, last_seq
        rows.append(
            {
                "robot": robot,
                "chain": chain,
                "seq": seq,
                "head": head,
                "last_seq": last_seq,
                "first_received_t": members[0].received_t,
                "prev": members[0].claims.prev,
            }
        )
    server_rows.write(connection, [*waiting, (_CARRY_CHAINS_ON, rows)])
    return stand, {place: row["last_seq"] for place, row in there.items()}


def commit(connection: Connection, batch: Sequence[VerifiedToken]) -> tuple[list[VerifiedToken], list[Standing]]:
    """Store what is new of a batch. Returns the new tokens, and where the chain of each of the batch stands now."""
    there, held = _there(connection, batch)
    new: list[VerifiedToken] = []
    forked: list[VerifiedToken] = []
    became: list[str] = []
    for token in batch:
        place = (token.robot, token.claims.chain, token.claims.seq)
        known = held.get(place)
        if known is None:
            held[place] = token.hash
            new.append(token)
            became.append("new")
        elif known == token.hash:
            became.append("duplicate")
        else:
            forked.append(token)
            became.append("fork")
    stated: list[dict[str, Any]] = []
    lost: list[losses.Loss] = []
    waiting: list[server_rows.Part] = []
    if new:
        lost = losses.note(connection, new)
        waiting = _rows(connection, new)
        stated = _state_gaps(connection, new)
    beside = _insert_forks(connection, forked)
    stand, reached = _update_chains(connection, there, new, waiting)
    if not new and not forked:
        commit_as_if_written(connection)  # a receipt comes of it too
    symptoms.in_commit(connection, new, beside, stated, lost, reached)
    return new, [
        Standing(
            token.robot, token.claims.chain, token.claims.seq, *stand[token.robot, token.claims.chain], token.hash, what
        )
        for token, what in zip(batch, became, strict=True)
    ]


def held(connection: Connection, robot: str, chain: str, came: Sequence[int], limit: int) -> Held:
    """What is held of a chain, and at most `limit` runs beyond the first hole, in their order.

    Of more than these: the runs of `came`, newest numbers first, and then the lowest.
    """
    row = connection.execute(select(chains).where(chains.c.robot == robot, chains.c.chain == chain)).one()
    chosen: dict[runs.Run, None] = {}
    for number in sorted(came, reverse=True):
        if number > row.seq and (run := runs.at(connection, robot, chain, number)) is not None:
            chosen[run] = None
    if len(chosen) < limit:
        chosen.update(dict.fromkeys(runs.lowest(connection, robot, chain, limit)))
    return Held(row.seq, row.head, tuple(sorted(list(chosen)[:limit])))
