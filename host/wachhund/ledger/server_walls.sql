-- What stays as it was written, and which robots changed: the file's triggers in the server's words. Part of the first
-- step, and never changed once released.

CREATE FUNCTION stays_on_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- A token goes only where its hash stays, with who erased it and why.
CREATE FUNCTION hash_stays(of_robot text, of_chain text, of_seq bigint, of_hash text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT last_seq >= of_seq AND substr(hashes, (1 + 43 * (of_seq - first_seq))::int, 43) = of_hash
        FROM erased WHERE robot = of_robot AND chain = of_chain AND first_seq <= of_seq
        ORDER BY first_seq DESC LIMIT 1), false)
$$;

CREATE FUNCTION token_leaves_its_hash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF hash_stays(OLD.robot, OLD.chain, OLD.seq, OLD.hash) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION observation_goes_with_its_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM tokens WHERE id = OLD.token AND hash_stays(robot, chain, seq, hash)) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER tokens_no_update BEFORE UPDATE ON tokens FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER observations_no_update BEFORE UPDATE ON observations FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER forks_no_delete BEFORE DELETE ON forks FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER lost_by_host_no_update BEFORE UPDATE ON lost_by_host FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER lost_by_host_no_delete BEFORE DELETE ON lost_by_host FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER tokens_no_delete BEFORE DELETE ON tokens FOR EACH ROW
    EXECUTE FUNCTION token_leaves_its_hash('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER observations_no_delete BEFORE DELETE ON observations FOR EACH ROW
    EXECUTE FUNCTION observation_goes_with_its_token('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER forks_no_update BEFORE UPDATE ON forks FOR EACH ROW
    WHEN (NOT (NEW.text = '' AND NEW.erasure IS NOT NULL
        AND NEW.robot IS NOT DISTINCT FROM OLD.robot
        AND NEW.chain IS NOT DISTINCT FROM OLD.chain
        AND NEW.seq IS NOT DISTINCT FROM OLD.seq
        AND NEW.hash IS NOT DISTINCT FROM OLD.hash
        AND NEW.received_t IS NOT DISTINCT FROM OLD.received_t))
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER revoked_tokens_no_update BEFORE UPDATE ON revoked_tokens FOR EACH ROW
    WHEN (NOT (NEW.text = '' AND NEW.erasure IS NOT NULL
        AND NEW.robot IS NOT DISTINCT FROM OLD.robot
        AND NEW.chain IS NOT DISTINCT FROM OLD.chain
        AND NEW.seq IS NOT DISTINCT FROM OLD.seq
        AND NEW.hash IS NOT DISTINCT FROM OLD.hash
        AND NEW.received_t IS NOT DISTINCT FROM OLD.received_t))
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER revoked_tokens_no_delete BEFORE DELETE ON revoked_tokens FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was noticed stays on record');
CREATE TRIGGER faults_no_update BEFORE UPDATE ON faults FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was noticed stays on record');
CREATE TRIGGER faults_no_delete BEFORE DELETE ON faults FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was noticed stays on record');
CREATE TRIGGER acknowledgements_no_update BEFORE UPDATE ON acknowledgements FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was noticed stays on record');
CREATE TRIGGER acknowledgements_no_delete BEFORE DELETE ON acknowledgements FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was noticed stays on record');
CREATE TRIGGER erased_no_update BEFORE UPDATE ON erased FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER erased_no_delete BEFORE DELETE ON erased FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER erasures_no_update BEFORE UPDATE ON erasures FOR EACH ROW
    WHEN (NEW.tokens < OLD.tokens OR NOT (NEW.id IS NOT DISTINCT FROM OLD.id
        AND NEW.reason IS NOT DISTINCT FROM OLD.reason
        AND NEW.robot IS NOT DISTINCT FROM OLD.robot
        AND NEW.from_t IS NOT DISTINCT FROM OLD.from_t
        AND NEW.to_t IS NOT DISTINCT FROM OLD.to_t
        AND NEW.by_whom IS NOT DISTINCT FROM OLD.by_whom
        AND NEW.why IS NOT DISTINCT FROM OLD.why))
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER erasures_no_delete BEFORE DELETE ON erasures FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER holds_no_update BEFORE UPDATE ON holds FOR EACH ROW
    WHEN (OLD.released_t IS NOT NULL OR NOT (NEW.id IS NOT DISTINCT FROM OLD.id
        AND NEW.robot IS NOT DISTINCT FROM OLD.robot
        AND NEW.from_t IS NOT DISTINCT FROM OLD.from_t
        AND NEW.to_t IS NOT DISTINCT FROM OLD.to_t
        AND NEW.incident IS NOT DISTINCT FROM OLD.incident
        AND NEW.by_whom IS NOT DISTINCT FROM OLD.by_whom
        AND NEW.why IS NOT DISTINCT FROM OLD.why))
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER holds_no_delete BEFORE DELETE ON holds FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('evidence is append-only, and so is what was erased, by whom and why');
CREATE TRIGGER robot_acts_no_update BEFORE UPDATE ON robot_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was done stays on record');
CREATE TRIGGER robot_acts_no_delete BEFORE DELETE ON robot_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was done stays on record');
CREATE TRIGGER authorisation_acts_no_update BEFORE UPDATE ON authorisation_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was allowed stays on record');
CREATE TRIGGER authorisation_acts_no_delete BEFORE DELETE ON authorisation_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was allowed stays on record');
CREATE TRIGGER baseline_acts_no_update BEFORE UPDATE ON baseline_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was accepted stays on record');
CREATE TRIGGER baseline_acts_no_delete BEFORE DELETE ON baseline_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was accepted stays on record');
CREATE TRIGGER acts_no_update BEFORE UPDATE ON acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what people did stays on record');
CREATE TRIGGER acts_no_delete BEFORE DELETE ON acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what people did stays on record');
CREATE TRIGGER incident_acts_no_update BEFORE UPDATE ON incident_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was done stays on record');
CREATE TRIGGER incident_acts_no_delete BEFORE DELETE ON incident_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was done stays on record');
CREATE TRIGGER silence_acts_no_update BEFORE UPDATE ON silence_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was silenced stays on record');
CREATE TRIGGER silence_acts_no_delete BEFORE DELETE ON silence_acts FOR EACH ROW
    EXECUTE FUNCTION stays_on_record('what was silenced stays on record');

-- A file knows no TRUNCATE; a server does, and asks no row's trigger.
CREATE TRIGGER tokens_no_truncate BEFORE TRUNCATE ON tokens
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER observations_no_truncate BEFORE TRUNCATE ON observations
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER forks_no_truncate BEFORE TRUNCATE ON forks
    EXECUTE FUNCTION stays_on_record('evidence is append-only');
CREATE TRIGGER lost_by_host_no_truncate BEFORE TRUNCATE ON lost_by_host
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER revoked_tokens_no_truncate BEFORE TRUNCATE ON revoked_tokens
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER faults_no_truncate BEFORE TRUNCATE ON faults
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER acknowledgements_no_truncate BEFORE TRUNCATE ON acknowledgements
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER erased_no_truncate BEFORE TRUNCATE ON erased
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER erasures_no_truncate BEFORE TRUNCATE ON erasures
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER holds_no_truncate BEFORE TRUNCATE ON holds
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER robot_acts_no_truncate BEFORE TRUNCATE ON robot_acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER authorisation_acts_no_truncate BEFORE TRUNCATE ON authorisation_acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER baseline_acts_no_truncate BEFORE TRUNCATE ON baseline_acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER acts_no_truncate BEFORE TRUNCATE ON acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER incident_acts_no_truncate BEFORE TRUNCATE ON incident_acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');
CREATE TRIGGER silence_acts_no_truncate BEFORE TRUNCATE ON silence_acts
    EXECUTE FUNCTION stays_on_record('what was written stays on record');

-- Which robots changed last (labels_schema): any change of a row is a change of its robot.
CREATE FUNCTION note_change(of_robot text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO fleet_changes SELECT of_robot, coalesce((SELECT max(number) FROM fleet_changes), 0) + 1
    ON CONFLICT (robot) DO UPDATE SET number = excluded.number
$$;

CREATE FUNCTION changes_its_robot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM note_change(OLD.robot);
    ELSE
        PERFORM note_change(NEW.robot);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION changes_a_robot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM note_change(OLD.id);
    ELSE
        PERFORM note_change(NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION changes_the_robot_of_an_incident() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_change(robot) FROM incidents WHERE id = NEW.incident AND robot IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER robots_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON robots FOR EACH ROW
    EXECUTE FUNCTION changes_a_robot();
CREATE TRIGGER sessions_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW
    EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER faults_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON faults FOR EACH ROW
    EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER acknowledgements_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON acknowledgements FOR EACH ROW
    EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER links_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON links FOR EACH ROW
    EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER robot_labels_changes_the_fleet AFTER INSERT OR UPDATE OR DELETE ON robot_labels FOR EACH ROW
    EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER incidents_written_changes_the_fleet AFTER INSERT OR UPDATE ON incidents FOR EACH ROW
    WHEN (NEW.robot IS NOT NULL) EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER incidents_deleted_changes_the_fleet AFTER DELETE ON incidents FOR EACH ROW
    WHEN (OLD.robot IS NOT NULL) EXECUTE FUNCTION changes_its_robot();
CREATE TRIGGER incident_lives_changes_the_fleet AFTER INSERT OR UPDATE ON incident_lives FOR EACH ROW
    EXECUTE FUNCTION changes_the_robot_of_an_incident();
