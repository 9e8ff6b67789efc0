-- The log: every command's events, in one order without gaps, for the life of the store.
-- Runs on an empty database only, so its locks wait for nobody.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- The application's role, and the role that `append_events` acts as. They may exist already: with a
-- login and a password, or made by another database of this server, or be made by one at this
-- moment. Whoever migrates has to be a member of the second, else it could not give or change the
-- function; who made the role may make itself one.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['votes_app', 'votes_log'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    IF NOT pg_has_role('votes_log', 'USAGE') THEN
        GRANT votes_log TO CURRENT_USER;
    END IF;
END
$$;

-- Who this log is. A read model folded from another log is of no use, and known by this.
CREATE TABLE log (
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    single boolean PRIMARY KEY DEFAULT true CHECK (single)
);
INSERT INTO log DEFAULT VALUES;

-- "C" collation: a stream's name is an exact key, and names with a common prefix lie together.
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY,
    stream text COLLATE "C" NOT NULL,
    -- squawk-ignore prefer-bigint-over-int -- one stream is one voter on one tool
    version integer NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    -- squawk-ignore prefer-bigint-over-smallint -- a release adds one at most
    schema smallint NOT NULL,
    data jsonb NOT NULL,
    meta jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_version UNIQUE (stream, version),
    CONSTRAINT events_event_id UNIQUE (event_id),
    CONSTRAINT events_version_from_1 CHECK (version >= 1),
    -- What no reader can take in is not let in, whoever writes it: a driver that cannot hold the
    -- time of one row, or a list of huge ones, would stop at them for good.
    CONSTRAINT events_at_a_time_that_was CHECK (at >= '1970-01-01Z' AND at < '2200-01-01Z'),
    CONSTRAINT events_of_a_size_to_read CHECK (
        length(stream) <= 1000 AND length(type) <= 100
        AND pg_column_size(data) <= 1048576 AND pg_column_size(meta) <= 65536
    )
);

-- What a command with an idempotency key was answered, kept as long as its events.
CREATE TABLE command_answers (
    command_id uuid CONSTRAINT command_answers_command_id PRIMARY KEY,
    fingerprint bytea NOT NULL,
    outcome jsonb NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- A wall behind the grants: not even the owner rewrites history by accident.
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER command_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON command_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Takes the writers' lock until the end of the transaction and answers the last position.
-- The lock comes before any position is drawn, so positions become visible in their order and a
-- reader that asks for "position > last" never skips one. Positions drawn by a transaction that
-- then died are given back here, so there are no gaps either.
--
-- It is the lock of a table that the application may only read, and not an advisory one: those
-- anybody may take. Its mode is the weakest that excludes itself; no reader waits for it.
CREATE FUNCTION open_log() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
BEGIN
    LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT coalesce(max(position), 0) INTO last_position FROM events;
    PERFORM setval('events_position_seq', greatest(last_position, 1), last_position > 0);
    RETURN last_position;
END
$$;

-- Appends a batch in one call: the only way in which the application writes. Each array holds a
-- value an event, in the order of decision. The command arrays hold a value an answer to keep: its
-- stream and the version (0 for none) after which it was given.
--
-- Answers the last position before the batch, and the streams that are refused: those whose events
-- do not follow the stream's last one version by version, since it has moved or for any other
-- reason, and those with an event id or a command id that is taken. Nothing of a refused stream is
-- stored; everything of the others is, at the positions that follow. A time that no event can have
-- fails the call: imports bring times of their own, but none before 1970, and none to come, but for
-- clocks that differ.
--
-- Who goes on to hold the lock in an open transaction, and does nothing, is ended after 2 s: before
-- those who wait behind it give up.
--
-- LATERAL with LIMIT is a look-up by index for each row, whatever the planner believes: a plan that
-- was made while the table was small, and kept, would scan the whole log on every append.
CREATE FUNCTION append_events(
    event_streams text[], versions integer[], event_ids uuid[], types text[],
    schemas smallint[], datas jsonb[], metas jsonb[], times timestamptz[],
    command_streams text[], command_versions integer[], command_ids uuid[],
    fingerprints bytea[], outcomes jsonb[],
    OUT position_before bigint, OUT refused text[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    earliest CONSTANT timestamptz := to_timestamp(0);
    latest CONSTANT timestamptz := now() + interval '1 hour';
BEGIN
    IF earliest > ANY (times) OR latest < ANY (times) THEN
        RAISE EXCEPTION 'an event is of %, expected % to % (an hour from now)',
            (SELECT at FROM unnest(times) AS at WHERE at < earliest OR at > latest LIMIT 1),
            earliest, latest
            USING ERRCODE = 'datetime_field_overflow';
    END IF;

    position_before := open_log();
    PERFORM set_config('idle_in_transaction_session_timeout', '2s', true);

    refused := ARRAY(
        SELECT asked.stream
        FROM (
            SELECT
                e.stream,
                min(e.version - e.number) AS least_before,
                max(e.version - e.number) AS most_before
            FROM (
                SELECT e.stream, e.version, row_number() OVER (
                    PARTITION BY e.stream ORDER BY e.place
                ) AS number
                FROM unnest(
                    event_streams, versions
                ) WITH ORDINALITY AS e(stream, version, place)
            ) AS e
            GROUP BY e.stream
        ) AS asked
        LEFT JOIN LATERAL (
            SELECT events.version
            FROM events
            WHERE events.stream = asked.stream
            ORDER BY events.version DESC
            LIMIT 1
        ) AS last ON true
        WHERE asked.least_before <> coalesce(last.version, 0)
            OR asked.most_before <> coalesce(last.version, 0)
        UNION
        SELECT e.stream
        FROM unnest(event_streams, event_ids) AS e(stream, id)
        CROSS JOIN LATERAL (
            SELECT FROM events WHERE events.event_id = e.id LIMIT 1
        ) AS taken
        UNION
        SELECT c.stream
        FROM unnest(command_streams, command_ids) AS c(stream, id)
        CROSS JOIN LATERAL (
            SELECT FROM command_answers WHERE command_answers.command_id = c.id LIMIT 1
        ) AS taken
    );

    INSERT INTO events (stream, version, event_id, type, schema, data, meta, at)
    SELECT e.stream, e.version, e.event_id, e.type, e.schema, e.data, e.meta, e.at
    FROM unnest(
        event_streams, versions, event_ids, types, schemas, datas, metas, times
    ) WITH ORDINALITY AS e(stream, version, event_id, type, schema, data, meta, at, place)
    WHERE NOT e.stream = ANY (refused)
    ORDER BY e.place;

    INSERT INTO command_answers (command_id, fingerprint, outcome, position)
    SELECT c.command_id, c.fingerprint, c.outcome, coalesce(events.position, 0)
    FROM unnest(
        command_streams, command_versions, command_ids, fingerprints, outcomes
    ) AS c(stream, version, command_id, fingerprint, outcome)
    LEFT JOIN LATERAL (
        SELECT position FROM events
        WHERE events.stream = c.stream AND events.version = c.version
        LIMIT 1
    ) AS events ON true
    WHERE NOT c.stream = ANY (refused);

    IF cardinality(event_streams) > 0 THEN
        PERFORM pg_notify('votes_log', '');
    END IF;
END
$$;

-- The application may read, and call `append_events`. That acts as a role that nobody logs in as,
-- which may do what the function does: insert through these columns, never a position; set the next
-- position; and take the lock, for which Postgres asks for a right to change the table.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON log, events, command_answers FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO votes_app, votes_log;
GRANT SELECT ON log, events, command_answers TO votes_app;
GRANT SELECT ON events, command_answers TO votes_log;
GRANT INSERT (stream, version, event_id, type, schema, data, meta, at) ON events TO votes_log;
GRANT INSERT (command_id, fingerprint, outcome, position) ON command_answers TO votes_log;
GRANT UPDATE ON SEQUENCE events_position_seq TO votes_log;
GRANT UPDATE ON log TO votes_log;
REVOKE EXECUTE ON FUNCTION open_log, append_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_log TO votes_log;
GRANT EXECUTE ON FUNCTION append_events TO votes_app;

-- Postgres gives a function only to a role that could have made it there.
GRANT CREATE ON SCHEMA public TO votes_log;
ALTER FUNCTION append_events OWNER TO votes_log;
REVOKE CREATE ON SCHEMA public FROM votes_log;
