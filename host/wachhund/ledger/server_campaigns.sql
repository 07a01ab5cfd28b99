-- Of whom a campaign has to be looked for (campaign_schema): the file's triggers in the server's words. Part of the step
-- `fleet_campaigns`, and never changed once released.

CREATE FUNCTION mark_origin(of_who text, of_robot text, of_verdict bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO origin_marks (who, robot) SELECT of_who, of_robot WHERE of_who <> '' AND of_verdict < 2
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION marks_an_origin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM mark_origin(OLD.who, OLD.robot, OLD.verdict);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM mark_origin(NEW.who, NEW.robot, NEW.verdict);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER sessions_insert_marks_an_origin AFTER INSERT ON sessions FOR EACH ROW
    WHEN (NEW.who <> '' AND NEW.verdict < 2) EXECUTE FUNCTION marks_an_origin();
CREATE TRIGGER sessions_update_marks_an_origin AFTER UPDATE ON sessions FOR EACH ROW
    WHEN ((OLD.verdict < 2 OR NEW.verdict < 2)
        AND (OLD.who, OLD.verdict, OLD.first_t, OLD.last_t, OLD.incident, OLD.surface, OLD.carrier, OLD.robot)
        IS DISTINCT FROM
        (NEW.who, NEW.verdict, NEW.first_t, NEW.last_t, NEW.incident, NEW.surface, NEW.carrier, NEW.robot))
    EXECUTE FUNCTION marks_an_origin();
CREATE TRIGGER sessions_delete_marks_an_origin AFTER DELETE ON sessions FOR EACH ROW
    WHEN (OLD.who <> '' AND OLD.verdict < 2) EXECUTE FUNCTION marks_an_origin();

CREATE FUNCTION marks_local_origins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_robot text;
BEGIN
    IF TG_OP = 'DELETE' THEN of_robot := OLD.robot; ELSE of_robot := NEW.robot; END IF;
    INSERT INTO origin_marks (who, robot) SELECT DISTINCT who, robot FROM sessions
        WHERE robot = of_robot AND who >= 'lan:' AND who < 'lan;' AND verdict < 2
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER robot_labels_marks_origins AFTER INSERT OR UPDATE OR DELETE ON robot_labels FOR EACH ROW
    EXECUTE FUNCTION marks_local_origins();
