-- The ledger as it was when it first lay on a server: 28 November 2026, 21 steps of the file's (migrations.STEPS) as one.
-- A released step is never changed. Texts are compared byte by byte, whatever the database's language is, as in a file.
-- What is no number is no time (a file takes it for NULL, and refuses that).

CREATE TABLE tokens (
    id BIGINT PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL, prev TEXT COLLATE "C" NOT NULL, bootseed TEXT COLLATE "C" NOT NULL,
    mono DOUBLE PRECISION NOT NULL, iat BIGINT NOT NULL, nonce_t DOUBLE PRECISION,
    received_t DOUBLE PRECISION NOT NULL, profile TEXT COLLATE "C" NOT NULL, swname TEXT COLLATE "C" NOT NULL,
    swversion TEXT COLLATE "C" NOT NULL, text TEXT COLLATE "C" NOT NULL, UNIQUE (robot, chain, seq),
    CHECK (mono <> 'NaN' AND received_t <> 'NaN')
);
CREATE TABLE observations (
    id BIGINT PRIMARY KEY, token BIGINT NOT NULL REFERENCES tokens (id), item BIGINT NOT NULL,
    robot TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL,
    mono DOUBLE PRECISION NOT NULL, sensor TEXT COLLATE "C" NOT NULL, fields TEXT COLLATE "C" NOT NULL, CHECK (t <> 'NaN' AND mono <> 'NaN')
);
CREATE TABLE chains (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    head TEXT COLLATE "C" NOT NULL, last_seq BIGINT NOT NULL, first_received_t DOUBLE PRECISION NOT NULL,
    prev TEXT COLLATE "C" NOT NULL, erased BIGINT NOT NULL DEFAULT 0, erased_to BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (robot, chain)
);
CREATE TABLE stated_gaps (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL, stated_in BIGINT NOT NULL, reason TEXT COLLATE "C", lost BIGINT,
    received_t DOUBLE PRECISION NOT NULL, PRIMARY KEY (robot, chain, from_seq, to_seq)
);
CREATE TABLE boots (
    robot TEXT COLLATE "C" NOT NULL, bootseed TEXT COLLATE "C" NOT NULL, booted_t DOUBLE PRECISION NOT NULL,
    run_mono DOUBLE PRECISION NOT NULL, last_mono DOUBLE PRECISION NOT NULL, nonce_t DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (robot, bootseed)
);
CREATE TABLE facts (
    robot TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL, nonce_t DOUBLE PRECISION NOT NULL,
    chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, token_mono DOUBLE PRECISION NOT NULL, item BIGINT NOT NULL,
    received_t DOUBLE PRECISION NOT NULL, observation TEXT COLLATE "C" NOT NULL, PRIMARY KEY (robot, kind)
);
CREATE TABLE present (
    robot TEXT COLLATE "C" NOT NULL, list TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL,
    bootseed TEXT COLLATE "C" NOT NULL, ended BOOLEAN NOT NULL, token_mono DOUBLE PRECISION NOT NULL,
    item BIGINT NOT NULL, host_t DOUBLE PRECISION NOT NULL, fields TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (robot, list, bootseed, subject)
);
CREATE TABLE newest (
    robot TEXT COLLATE "C" PRIMARY KEY, received_t DOUBLE PRECISION NOT NULL, nonce_t DOUBLE PRECISION,
    fresh_t DOUBLE PRECISION, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    bootseed TEXT COLLATE "C" NOT NULL, tokens BIGINT NOT NULL, kept_bytes BIGINT NOT NULL DEFAULT 0,
    steady_t DOUBLE PRECISION, last_t DOUBLE PRECISION
);
CREATE TABLE robots (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, ueid TEXT COLLATE "C" NOT NULL UNIQUE,
    kid TEXT COLLATE "C" NOT NULL UNIQUE, public_key_pem TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL, created_t DOUBLE PRECISION NOT NULL,
    state TEXT COLLATE "C" NOT NULL DEFAULT 'active'
);
CREATE TABLE rejections (
    robot TEXT COLLATE "C" NOT NULL, reason TEXT COLLATE "C" NOT NULL, count BIGINT NOT NULL,
    first_t DOUBLE PRECISION NOT NULL, last_t DOUBLE PRECISION NOT NULL, sample TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (robot, reason)
);
CREATE TABLE judgements (
    id BIGINT PRIMARY KEY CHECK (id = 1), cursor BIGINT NOT NULL, faults BIGINT NOT NULL DEFAULT 0,
    minded BIGINT NOT NULL DEFAULT 0, minded_faults BIGINT NOT NULL DEFAULT 0, forgotten BIGINT NOT NULL DEFAULT 0,
    acts BIGINT NOT NULL DEFAULT 0, minded_acts BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, surface TEXT COLLATE "C" NOT NULL,
    first_t DOUBLE PRECISION NOT NULL, last_t DOUBLE PRECISION, body TEXT COLLATE "C" NOT NULL,
    carrier TEXT COLLATE "C" NOT NULL DEFAULT 'unknown', outside TEXT COLLATE "C" NOT NULL DEFAULT '',
    user_name TEXT COLLATE "C" NOT NULL DEFAULT '', verdict BIGINT NOT NULL DEFAULT 1,
    authorisation TEXT COLLATE "C", length_class BIGINT
);
CREATE TABLE operators (
    name TEXT COLLATE "C" PRIMARY KEY, password_hash TEXT COLLATE "C" NOT NULL, created_t DOUBLE PRECISION NOT NULL,
    disabled_t DOUBLE PRECISION, language TEXT COLLATE "C" NOT NULL DEFAULT '',
    zone TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE TABLE web_sessions (
    token_hash TEXT COLLATE "C" PRIMARY KEY, operator TEXT COLLATE "C" NOT NULL, expires_t DOUBLE PRECISION NOT NULL,
    made_t DOUBLE PRECISION NOT NULL DEFAULT 0, way TEXT COLLATE "C" NOT NULL DEFAULT 'password',
    address TEXT COLLATE "C" NOT NULL DEFAULT '', program TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE TABLE robot_keys (
    kid TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, ueid TEXT COLLATE "C" NOT NULL,
    public_key_pem TEXT COLLATE "C" NOT NULL, since_t DOUBLE PRECISION NOT NULL, until_t DOUBLE PRECISION
);
CREATE TABLE robot_acts (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL,
    t DOUBLE PRECISION NOT NULL, act TEXT COLLATE "C" NOT NULL, by_whom TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL
);
CREATE TABLE invitations (
    token_hash TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL, made_t DOUBLE PRECISION NOT NULL, expires_t DOUBLE PRECISION NOT NULL,
    kid TEXT COLLATE "C", used_t DOUBLE PRECISION, withdrawn_t DOUBLE PRECISION
);
CREATE TABLE runs (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL, PRIMARY KEY (robot, chain, first_seq)
);
CREATE TABLE lost_by_host (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, whole BIGINT NOT NULL,
    receipt_t BIGINT NOT NULL, since_t DOUBLE PRECISION NOT NULL, receipt TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (robot, chain, seq, whole)
);
CREATE TABLE faults (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C" NOT NULL, what TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL,
    from_seq BIGINT, to_seq BIGINT, since_t DOUBLE PRECISION NOT NULL, after BIGINT NOT NULL,
    fields TEXT COLLATE "C" NOT NULL, UNIQUE (robot, fault)
);
CREATE TABLE acknowledgements (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL, by_whom TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL, UNIQUE (robot, fault)
);
CREATE TABLE erasures (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, reason TEXT COLLATE "C" NOT NULL,
    robot TEXT COLLATE "C" NOT NULL, from_t DOUBLE PRECISION, to_t DOUBLE PRECISION NOT NULL,
    uncertain BOOLEAN NOT NULL DEFAULT false, by_whom TEXT COLLATE "C" NOT NULL, why TEXT COLLATE "C" NOT NULL,
    begun_t DOUBLE PRECISION NOT NULL, finished_t DOUBLE PRECISION, tokens BIGINT NOT NULL DEFAULT 0,
    observations BIGINT NOT NULL DEFAULT 0, bytes BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE forks (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL, received_t DOUBLE PRECISION NOT NULL, text TEXT COLLATE "C" NOT NULL,
    erasure BIGINT REFERENCES erasures (id), PRIMARY KEY (robot, chain, seq, hash)
);
CREATE TABLE incidents (
    id TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C", state TEXT COLLATE "C" NOT NULL,
    level TEXT COLLATE "C" NOT NULL, first_t DOUBLE PRECISION NOT NULL, last_t DOUBLE PRECISION NOT NULL,
    body TEXT COLLATE "C" NOT NULL, erasure BIGINT REFERENCES erasures (id), glance TEXT COLLATE "C",
    glance_mark TEXT COLLATE "C"
);
CREATE TABLE revoked_tokens (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL, received_t DOUBLE PRECISION NOT NULL, text TEXT COLLATE "C" NOT NULL,
    erasure BIGINT REFERENCES erasures (id), PRIMARY KEY (robot, chain, seq, hash)
);
CREATE TABLE erased (
    robot TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL, first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL, erasure BIGINT NOT NULL REFERENCES erasures (id), prev TEXT COLLATE "C" NOT NULL,
    bootseed TEXT COLLATE "C" NOT NULL, first_mono DOUBLE PRECISION NOT NULL, last_mono DOUBLE PRECISION NOT NULL,
    first_received_t DOUBLE PRECISION NOT NULL, last_received_t DOUBLE PRECISION NOT NULL,
    hashes TEXT COLLATE "C" NOT NULL, PRIMARY KEY (robot, chain, first_seq)
);
CREATE TABLE holds (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, from_t DOUBLE PRECISION,
    to_t DOUBLE PRECISION, incident TEXT COLLATE "C", by_whom TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL, since_t DOUBLE PRECISION NOT NULL, released_t DOUBLE PRECISION,
    released_by TEXT COLLATE "C", released_why TEXT COLLATE "C"
);
CREATE TABLE used_ids (
    id BIGINT PRIMARY KEY CHECK (id = 1), token BIGINT NOT NULL, observation BIGINT NOT NULL
);
CREATE TABLE rewritings (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, t DOUBLE PRECISION NOT NULL, erasure BIGINT NOT NULL
);
CREATE TABLE minds (
    robot TEXT COLLATE "C" PRIMARY KEY, version TEXT COLLATE "C" NOT NULL, body BYTEA NOT NULL
);
CREATE TABLE links (
    robot TEXT COLLATE "C" PRIMARY KEY, online BOOLEAN NOT NULL, t DOUBLE PRECISION NOT NULL
);
CREATE TABLE authorisation_acts (
    number BIGINT PRIMARY KEY, authorisation TEXT COLLATE "C" NOT NULL, act TEXT COLLATE "C" NOT NULL,
    t DOUBLE PRECISION NOT NULL, by_whom TEXT COLLATE "C" NOT NULL, why TEXT COLLATE "C" NOT NULL,
    after BIGINT NOT NULL, after_fault BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL, UNIQUE (authorisation, act)
);
CREATE TABLE baseline_acts (
    number BIGINT PRIMARY KEY, baseline TEXT COLLATE "C" NOT NULL, robot TEXT COLLATE "C" NOT NULL,
    act TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL, by_whom TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL, after BIGINT NOT NULL, after_fault BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL, UNIQUE (baseline, act)
);
CREATE TABLE authorisation_uses (
    authorisation TEXT COLLATE "C" PRIMARY KEY, first_t DOUBLE PRECISION NOT NULL, last_t DOUBLE PRECISION NOT NULL
);
CREATE TABLE grants (
    person TEXT COLLATE "C" NOT NULL REFERENCES operators (name), team TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL, PRIMARY KEY (person, team)
);
CREATE TABLE robot_groups (
    name TEXT COLLATE "C" PRIMARY KEY, patterns TEXT COLLATE "C" NOT NULL
);
CREATE TABLE person_links (
    token_hash TEXT COLLATE "C" PRIMARY KEY, person TEXT COLLATE "C" NOT NULL, purpose TEXT COLLATE "C" NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL, expires_t DOUBLE PRECISION NOT NULL
);
CREATE TABLE acts (
    number BIGINT PRIMARY KEY, t DOUBLE PRECISION NOT NULL, who TEXT COLLATE "C" NOT NULL,
    act TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL, robot TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL, detail TEXT COLLATE "C" NOT NULL, prev TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
CREATE TABLE notify_targets (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, kind TEXT COLLATE "C" NOT NULL,
    shown TEXT COLLATE "C" NOT NULL, sealed BYTEA NOT NULL, allowed TEXT COLLATE "C" NOT NULL,
    drills BOOLEAN NOT NULL, made_t DOUBLE PRECISION NOT NULL, made_by TEXT COLLATE "C" NOT NULL,
    tested_t DOUBLE PRECISION, tested_ok BOOLEAN, tested_words TEXT COLLATE "C", last_t DOUBLE PRECISION,
    last_ok BOOLEAN, last_words TEXT COLLATE "C", failures BIGINT NOT NULL DEFAULT 0,
    retry_t DOUBLE PRECISION NOT NULL DEFAULT 0, drilled_t DOUBLE PRECISION NOT NULL DEFAULT 0
);
CREATE TABLE notify_routes (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, target TEXT COLLATE "C" NOT NULL,
    level TEXT COLLATE "C" NOT NULL, robots TEXT COLLATE "C", hours TEXT COLLATE "C",
    after_s DOUBLE PRECISION NOT NULL, made_t DOUBLE PRECISION NOT NULL, made_by TEXT COLLATE "C" NOT NULL
);
CREATE TABLE notify_noted (
    incident TEXT COLLATE "C" PRIMARY KEY, state TEXT COLLATE "C" NOT NULL, level TEXT COLLATE "C" NOT NULL,
    last_t DOUBLE PRECISION NOT NULL
);
CREATE TABLE notify_watched (
    incident TEXT COLLATE "C" NOT NULL, route BIGINT NOT NULL, due_t DOUBLE PRECISION, why TEXT COLLATE "C" NOT NULL,
    held TEXT COLLATE "C", told_t DOUBLE PRECISION, told_level TEXT COLLATE "C", told_marks TEXT COLLATE "C",
    PRIMARY KEY (incident, route)
);
CREATE TABLE notify_messages (
    id TEXT COLLATE "C" PRIMARY KEY, target TEXT COLLATE "C" NOT NULL, target_name TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL, title TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C",
    made_t DOUBLE PRECISION NOT NULL, state TEXT COLLATE "C" NOT NULL, attempts BIGINT NOT NULL,
    last_t DOUBLE PRECISION, words TEXT COLLATE "C", ended_t DOUBLE PRECISION
);
CREATE TABLE notify_about (
    incident TEXT COLLATE "C" NOT NULL, message TEXT COLLATE "C" NOT NULL, PRIMARY KEY (incident, message)
);
CREATE TABLE notify_drilled (
    robot TEXT COLLATE "C" PRIMARY KEY, incident TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL,
    missed_t DOUBLE PRECISION
);
CREATE TABLE notify_said (
    key TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL
);
CREATE TABLE incident_acts (
    number BIGINT PRIMARY KEY, incident TEXT COLLATE "C" NOT NULL, act TEXT COLLATE "C" NOT NULL,
    by_whom TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL, text TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL
);
CREATE TABLE incident_lives (
    incident TEXT COLLATE "C" PRIMARY KEY, version BIGINT NOT NULL, state TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C", seen_t DOUBLE PRECISION, seen_mark TEXT COLLATE "C", body TEXT COLLATE "C" NOT NULL
);
CREATE TABLE silence_acts (
    number BIGINT PRIMARY KEY, silence TEXT COLLATE "C" NOT NULL, act TEXT COLLATE "C" NOT NULL,
    t DOUBLE PRECISION NOT NULL, by_whom TEXT COLLATE "C" NOT NULL, why TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE TABLE silence_matches (
    silence TEXT COLLATE "C" PRIMARY KEY, last_t DOUBLE PRECISION NOT NULL
);
CREATE TABLE host_clock (
    id BIGINT PRIMARY KEY CHECK (id = 1), boot TEXT COLLATE "C" NOT NULL, offset_s DOUBLE PRECISION NOT NULL
);
CREATE TABLE api_tokens (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    person TEXT COLLATE "C" NOT NULL REFERENCES operators (name), name TEXT COLLATE "C" NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE, roles TEXT COLLATE "C" NOT NULL, made_t DOUBLE PRECISION NOT NULL,
    expires_t DOUBLE PRECISION NOT NULL, used_t DOUBLE PRECISION, ended_t DOUBLE PRECISION
);
CREATE TABLE second_factors (
    person TEXT COLLATE "C" PRIMARY KEY REFERENCES operators (name), secret TEXT COLLATE "C" NOT NULL,
    since_t DOUBLE PRECISION NOT NULL, last_step BIGINT NOT NULL
);
CREATE TABLE recovery_codes (
    person TEXT COLLATE "C" NOT NULL, code_hash TEXT COLLATE "C" NOT NULL, PRIMARY KEY (person, code_hash)
);
CREATE TABLE authorisation_tellings (
    authorisation TEXT COLLATE "C" PRIMARY KEY, told_t DOUBLE PRECISION NOT NULL
);
CREATE TABLE witnesses (
    kid TEXT COLLATE "C" PRIMARY KEY, robot TEXT COLLATE "C" NOT NULL, ueid TEXT COLLATE "C" NOT NULL UNIQUE,
    board TEXT COLLATE "C" NOT NULL, made_t DOUBLE PRECISION NOT NULL, made_by TEXT COLLATE "C" NOT NULL,
    ended_t DOUBLE PRECISION, ended_by TEXT COLLATE "C", why TEXT COLLATE "C"
);
CREATE TABLE witness_stands (
    kid TEXT COLLATE "C" PRIMARY KEY, body TEXT COLLATE "C" NOT NULL
);
CREATE TABLE robot_labels (
    robot TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('site', 'tag')),
    value TEXT COLLATE "C" NOT NULL, t DOUBLE PRECISION NOT NULL, by_whom TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (robot, kind, value)
);
CREATE TABLE fleet_changes (
    robot TEXT COLLATE "C" PRIMARY KEY, number BIGINT NOT NULL
);
CREATE TABLE passkeys (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    person TEXT COLLATE "C" NOT NULL REFERENCES operators (name), name TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL UNIQUE, handle TEXT COLLATE "C" NOT NULL, site TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL, count BIGINT NOT NULL, is_synced BOOLEAN NOT NULL, made_t DOUBLE PRECISION NOT NULL,
    used_t DOUBLE PRECISION, refused_t DOUBLE PRECISION
);
CREATE TABLE sign_ons (
    issuer TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL REFERENCES operators (name), is_added BOOLEAN NOT NULL,
    since_t DOUBLE PRECISION NOT NULL, PRIMARY KEY (issuer, subject), UNIQUE (issuer, person)
);

CREATE INDEX tokens_by_boot ON tokens (robot, bootseed, mono);
CREATE INDEX tokens_by_arrival ON tokens (robot, received_t);
CREATE INDEX observations_by_token ON observations (token);
CREATE INDEX observations_by_kind ON observations (robot, kind, id);
CREATE INDEX present_by_age ON present (robot, list, ended, token_mono);
CREATE INDEX incidents_by_robot ON incidents (robot, last_t);
CREATE INDEX incidents_by_time ON incidents (last_t);
CREATE INDEX sessions_by_robot ON sessions (robot, first_t);
CREATE INDEX robot_keys_by_robot ON robot_keys (robot, since_t);
CREATE INDEX robot_acts_by_robot ON robot_acts (robot, id);
CREATE INDEX invitations_by_robot ON invitations (robot);
CREATE INDEX erasures_by_robot ON erasures (robot, reason, begun_t);
CREATE INDEX erased_by_arrival ON erased (robot, last_received_t);
CREATE INDEX sessions_open ON sessions (verdict, first_t DESC, id, robot, surface, carrier, outside, user_name, last_t)
    WHERE last_t IS NULL;
CREATE INDEX sessions_ended ON sessions (length_class, first_t, last_t, verdict, id, robot, surface, carrier, outside, user_name)
    WHERE last_t IS NOT NULL;
CREATE INDEX sessions_by_authorisation ON sessions (authorisation, last_t) WHERE authorisation IS NOT NULL;
CREATE INDEX acts_by_time ON acts (t);
CREATE INDEX notify_watched_due ON notify_watched (due_t) WHERE due_t IS NOT NULL;
CREATE INDEX notify_messages_of ON notify_messages (target, state, made_t);
CREATE INDEX incident_acts_by_incident ON incident_acts (incident, number);
CREATE INDEX silence_acts_by_silence ON silence_acts (silence, number);
CREATE INDEX witnesses_by_robot ON witnesses (robot, made_t);
CREATE UNIQUE INDEX robot_labels_one_site ON robot_labels (robot) WHERE kind = 'site';
CREATE INDEX fleet_changes_by_number ON fleet_changes (number);
CREATE INDEX fleet_open_sessions ON sessions (robot) WHERE last_t IS NULL;
CREATE INDEX fleet_open_incidents ON incidents (robot) WHERE state IN ('open', 'acknowledged');
CREATE INDEX passkeys_by_person ON passkeys (person);

-- Random letters, which nothing compresses: from what lies as it is one hash is read without the others.
ALTER TABLE erased ALTER COLUMN hashes SET STORAGE EXTERNAL;
