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

-- "C" collation: a stream's name is an exact key, and names with a common prefix lie together. So is
-- the subject, what an event is about, whatever stream it stands in. Columns of a fixed size stand
-- first: in another order up to ten bytes of every row would be empty.
CREATE TABLE events (
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    -- squawk-ignore prefer-bigint-over-int -- one stream is one voter on one tool
    version integer NOT NULL,
    -- squawk-ignore prefer-bigint-over-smallint -- a release adds one at most
    schema smallint NOT NULL,
    -- Whether it was stored more than ten minutes after it happened, as what is imported is.
    late boolean NOT NULL,
    stream text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    meta jsonb NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_version UNIQUE (stream, version),
    CONSTRAINT events_position_from_1 CHECK (position >= 1),
    CONSTRAINT events_version_from_1 CHECK (version >= 1),
    -- What no reader can take in is not let in, whoever writes it: a driver that cannot hold the
    -- time of one row, or a list of huge ones, would stop at them for good.
    CONSTRAINT events_at_a_time_that_was CHECK (at >= '1970-01-01Z' AND at < '2200-01-01Z'),
    CONSTRAINT events_of_a_size_to_read CHECK (
        length(stream) <= 1000 AND length(subject) <= 1000 AND length(type) <= 100
        AND pg_column_size(data) <= 1048576 AND pg_column_size(meta) <= 65536
    )
);

-- What happened to one subject, in order.
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX events_subject_position ON events (subject, position);

-- What is not late stands in the log about when it happened; the rest is found by its time.
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX events_late_subject_at ON events (subject, at) WHERE late;

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
-- The lock comes before any position is counted, so positions become visible in their order and a
-- reader that asks for "position > last" never skips one. What comes next is one more than what is
-- there, so there are no gaps either, whatever died.
--
-- It is the lock of a table that the application may only read, and not an advisory one: those
-- anybody may take. Its mode is the weakest that excludes itself; no reader waits for it.
CREATE FUNCTION open_log() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE;
    RETURN (SELECT coalesce(max(position), 0) FROM events);
END
$$;

-- The appends of a batch (see `append_events`) that fall when these streams have moved and these
-- appends are refused already. A lost stream is one that has moved, or to which a refused append
-- would have added; who relies on a lost stream is refused, with all that it would have added.
CREATE FUNCTION appends_to_refuse(batch jsonb, moved text[], taken integer[]) RETURNS integer[]
LANGUAGE sql AS $$
    WITH RECURSIVE relies AS MATERIALIZED (
        SELECT relied.it ->> 0 AS stream, append.number::integer AS append
        FROM jsonb_array_elements(batch -> 'relied') AS relied(it)
        CROSS JOIN jsonb_array_elements(relied.it -> 2) AS append(number)
    ), adds AS MATERIALIZED (
        SELECT DISTINCT event.it ->> 0 AS stream, (event.it ->> 8)::integer AS append
        FROM jsonb_array_elements(batch -> 'events') AS event(it)
    ), leads AS MATERIALIZED (
        SELECT DISTINCT relies.stream, adds.stream AS onto
        FROM relies JOIN adds ON adds.append = relies.append
    ), lost(stream) AS (
        SELECT unnest(moved)
        UNION
        SELECT adds.stream FROM adds WHERE adds.append = ANY (taken)
        UNION
        SELECT leads.onto FROM lost JOIN leads ON leads.stream = lost.stream
    )
    SELECT array_agg(falls.append ORDER BY falls.append)
    FROM (
        SELECT relies.append FROM relies JOIN lost ON lost.stream = relies.stream
        UNION
        SELECT unnest(taken)
    ) AS falls(append)
$$;

-- Appends a batch in one call: the only way in which the application writes. A batch holds what
-- was decided by several commands; what one of them adds is an append, all or nothing. Appends are
-- numbered from 0, and the document is, with everything in the order of decision,
--
--   {"relied":  [[stream, version, [append, ...]], ...],
--    "events":  [[stream, version, subject, type, schema, data, meta, at, append], ...],
--    "answers": [[append, command id, fingerprint, outcome, stream, version], ...]}
--
-- "relied": the streams that appends add to or were decided on, once each, and the version at which
-- each stood in the log (0 where there was nothing). "answers": what to keep under a command's id
-- (the fingerprint in base64), and the event after which it was given (version 0 for none).
--
-- Answers the last position before the batch, and the appends that are refused: those that rely on
-- a stream that stands elsewhere by now, those with a command id that is taken, and those that rely
-- on what these would have added. Nothing of them is stored; everything of the others is, at the
-- positions that follow.
--
-- The document is not believed: what was stored of it is looked at, which costs less than to take
-- the document apart once more before. A time that no event can have fails the call: imports bring
-- times of their own, but none before 1970 (by the table), and none to come, but for clocks that
-- differ. So does an event that does not follow the last one of its stream.
--
-- Who goes on to hold the lock in an open transaction, and does nothing, is ended after 2 s: before
-- those who wait behind it give up.
--
-- LATERAL with LIMIT is a look-up by index for each row, whatever the planner believes: a plan that
-- was made while the table was small, and kept, would scan the whole log on every append. OFFSET has
-- each time read once, though it is used twice.
CREATE FUNCTION append_events(
    batch jsonb, OUT position_before bigint, OUT refused integer[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    latest CONSTANT timestamptz := now() + interval '1 hour';
    in_time CONSTANT timestamptz := now() - interval '10 minutes';
    answers CONSTANT boolean := coalesce(jsonb_array_length(batch -> 'answers') > 0, false);
    moved text[];
    taken integer[] := '{}';
    wrong record;
BEGIN
    position_before := open_log();
    PERFORM set_config('idle_in_transaction_session_timeout', '2s', true);

    moved := ARRAY(
        SELECT relied.it ->> 0
        FROM jsonb_array_elements(batch -> 'relied') AS relied(it)
        LEFT JOIN LATERAL (
            SELECT events.version
            FROM events
            WHERE events.stream = relied.it ->> 0
            ORDER BY events.version DESC
            LIMIT 1
        ) AS last ON true
        WHERE (relied.it ->> 1)::integer <> coalesce(last.version, 0)
    );
    IF answers THEN
        taken := ARRAY(
            SELECT (answer.it ->> 0)::integer
            FROM jsonb_array_elements(batch -> 'answers') AS answer(it)
            CROSS JOIN LATERAL (
                SELECT FROM command_answers
                WHERE command_answers.command_id = (answer.it ->> 1)::uuid
                LIMIT 1
            ) AS known
        );
    END IF;
    refused := '{}';
    IF cardinality(moved) > 0 OR cardinality(taken) > 0 THEN
        refused := appends_to_refuse(batch, moved, taken);
        batch := jsonb_build_object('events', (
            SELECT coalesce(jsonb_agg(event.it ORDER BY event.place), '[]')
            FROM jsonb_array_elements(batch -> 'events') WITH ORDINALITY AS event(it, place)
            WHERE (event.it ->> 8)::integer <> ALL (refused)
        ), 'answers', (
            SELECT coalesce(jsonb_agg(answer), '[]')
            FROM jsonb_array_elements(batch -> 'answers') AS answer
            WHERE (answer ->> 0)::integer <> ALL (refused)
        ));
    END IF;

    INSERT INTO events (position, stream, version, subject, type, schema, data, meta, at, late)
    SELECT
        position_before + event.place, event.it ->> 0, (event.it ->> 1)::integer,
        event.it ->> 2, event.it ->> 3, (event.it ->> 4)::smallint,
        event.it -> 5, event.it -> 6, event.at, event.at < in_time
    FROM (
        SELECT it, place, (it ->> 7)::timestamptz AS at
        FROM jsonb_array_elements(batch -> 'events') WITH ORDINALITY AS event(it, place)
        OFFSET 0
    ) AS event;

    SELECT stored.stream, stored.version, stored.at INTO wrong
    FROM events AS stored
    WHERE stored.position > position_before AND (
        stored.at > latest OR stored.version > 1 AND NOT EXISTS (
            SELECT FROM events AS earlier
            WHERE earlier.stream = stored.stream AND earlier.version = stored.version - 1
                AND earlier.position < stored.position
        )
    )
    LIMIT 1;
    IF FOUND THEN
        IF wrong.at > latest THEN
            RAISE EXCEPTION 'an event is of %, expected % at most (an hour from now)',
                wrong.at, latest
                USING ERRCODE = 'datetime_field_overflow';
        END IF;
        RAISE EXCEPTION 'version % of stream "%" does not follow what is there',
            wrong.version, wrong.stream
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    IF answers THEN
        INSERT INTO command_answers (command_id, fingerprint, outcome, position)
        SELECT
            (answer.it ->> 1)::uuid, decode(answer.it ->> 2, 'base64'), answer.it -> 3,
            coalesce(given_after.position, 0)
        FROM jsonb_array_elements(batch -> 'answers') AS answer(it)
        LEFT JOIN LATERAL (
            SELECT events.position FROM events
            WHERE events.stream = answer.it ->> 4 AND events.version = (answer.it ->> 5)::integer
            LIMIT 1
        ) AS given_after ON true;
    END IF;

    IF jsonb_array_length(batch -> 'events') > 0 THEN
        PERFORM pg_notify('votes_log', '');
    END IF;
END
$$;

-- The application may read, and call `append_events`. That acts as a role that nobody logs in as,
-- which may do what the function does: read, insert, and take the lock, for which Postgres asks for
-- a right to change the table.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON log, events, command_answers FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO votes_app, votes_log;
GRANT SELECT ON log, events, command_answers TO votes_app;
GRANT SELECT ON events, command_answers TO votes_log;
GRANT INSERT ON events TO votes_log;
GRANT INSERT (command_id, fingerprint, outcome, position) ON command_answers TO votes_log;
GRANT UPDATE ON log TO votes_log;
REVOKE EXECUTE ON FUNCTION open_log, appends_to_refuse, append_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_log, appends_to_refuse TO votes_log;
GRANT EXECUTE ON FUNCTION append_events TO votes_app;

-- Postgres gives a function only to a role that could have made it there.
GRANT CREATE ON SCHEMA public TO votes_log;
ALTER FUNCTION append_events OWNER TO votes_log;
REVOKE CREATE ON SCHEMA public FROM votes_log;
