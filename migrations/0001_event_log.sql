-- The log: every command's events, in one order without gaps, for the life of the store.
-- Runs on an empty database only, so its locks wait for nobody.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- The roles of the program (the logins are members of them, or are these roles), and the role that
-- the functions act as. They may exist already (with a login and a password, or made for another
-- database of this server), or another migration may make them at this moment. The role that
-- migrates must be a member of `votes_log` to change the functions; if it made that role, it may
-- grant itself the membership.
DO $$
DECLARE
    wanted text;
    of_role text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'votes_reader', 'votes_api', 'votes_projector', 'votes_log', 'votes_eraser', 'votes_post'
    ] LOOP
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
    IF NOT pg_has_role('votes_eraser', 'USAGE') THEN
        GRANT votes_eraser TO CURRENT_USER;
    END IF;
    IF NOT pg_has_role('votes_post', 'USAGE') THEN
        GRANT votes_post TO CURRENT_USER;
    END IF;
    -- Both read. `votes_log` may see since when a session of theirs has its transaction, and end it.
    FOR wanted, of_role IN
        VALUES ('votes_api', 'votes_reader'), ('votes_projector', 'votes_reader'),
            ('votes_log', 'votes_api'), ('votes_log', 'votes_projector')
    LOOP
        IF NOT pg_has_role(wanted, of_role, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', of_role, wanted);
        END IF;
    END LOOP;
END
$$;

-- The identity of this log. Read models folded from another log have another epoch. The secret is
-- the key of the hashes of subjects (see `people`): 244 random bits. So is that of the addresses of the
-- weekly mail (see `subscriptions`).
CREATE TABLE log (
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    subject_secret bytea NOT NULL
        DEFAULT sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea),
    address_secret bytea NOT NULL
        DEFAULT sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea),
    single boolean PRIMARY KEY DEFAULT true CHECK (single)
);
INSERT INTO log DEFAULT VALUES;

-- "C" collation: the name of a stream is an exact key, and names with a common prefix are adjacent.
-- The same holds for the subject, which is what an event is about, in whatever stream. Columns of a
-- fixed size come first: another order would waste up to ten bytes of every row.
CREATE TABLE events (
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    -- squawk-ignore prefer-bigint-over-int -- one stream is one voter on one tool
    version integer NOT NULL,
    -- squawk-ignore prefer-bigint-over-smallint -- a release adds one at most
    schema smallint NOT NULL,
    -- Whether it was stored more than ten minutes after it happened, as imported events are.
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
    -- Events that no reader could load are refused, whoever writes them: a driver that cannot
    -- represent the time of a row, or hold a list of huge rows, would stop there for ever.
    CONSTRAINT events_time_in_range CHECK (at >= '1970-01-01Z' AND at < '2200-01-01Z'),
    CONSTRAINT events_size_in_range CHECK (
        length(stream) <= 1000 AND length(subject) <= 1000 AND length(type) <= 100
        AND pg_column_size(data) <= 1048576 AND pg_column_size(meta) <= 65536
    )
);

-- The events about one subject, in order.
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX events_subject_position ON events (subject, position);

-- Events that are not late are found by their positions, late ones by their times.
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX events_late_subject_at ON events (subject, at) WHERE late;

-- What a user did under a role, in order. The streams of votes and bookmarks say whose they are.
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX events_actor ON events ((meta ->> 'actor'), position)
WHERE starts_with(meta ->> 'actor', 'user:');

-- The results of commands with an idempotency key, stored as long as their events.
CREATE TABLE command_results (
    command_id uuid CONSTRAINT command_results_command_id PRIMARY KEY,
    fingerprint bytea NOT NULL,
    outcome jsonb NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- How far named consumers of the log are: each has dealt with all events up to the position.
CREATE TABLE consumers (
    name text COLLATE "C" CONSTRAINT consumers_name PRIMARY KEY,
    position bigint NOT NULL,
    CONSTRAINT consumers_size_in_range CHECK (length(name) <= 1000)
);

-- Which process leads the projection of each set of read models, in which session, and until when if
-- it says nothing more.
CREATE TABLE leads (
    signature text COLLATE "C" CONSTRAINT leads_signature PRIMARY KEY,
    process uuid NOT NULL,
    -- squawk-ignore prefer-bigint-over-int -- as Postgres counts its sessions
    session integer NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT leads_size_in_range CHECK (length(signature) <= 1000)
);

-- A second protection after the grants: not even the owner changes history by accident.
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER command_results_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON command_results
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Takes the writers' lock until the end of the transaction and returns the last position.
-- It takes the lock before it counts positions, so positions become visible in their order and a
-- reader that asks for "position > last" never skips one. The next position is the last one plus 1,
-- so there are no gaps either, whatever process died.
--
-- It is the lock of a table that the logins may only read, and not an advisory lock, which anybody
-- may take. Its mode is the weakest that excludes itself; no reader waits for it.
CREATE FUNCTION open_log() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE;
    RETURN (SELECT coalesce(max(position), 0) FROM events);
END
$$;

-- The appends of a batch (see `append_events`) to refuse when these streams have moved and these
-- appends have a taken command id. A lost stream is one that has moved, or to which a refused
-- append would have added. An append that relies on a lost stream is refused.
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

-- Fails where an event after the position is of more than an hour from now (clocks differ), or does not
-- follow the last one of its stream.
CREATE FUNCTION check_events_after(position_before bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    latest CONSTANT timestamptz := now() + interval '1 hour';
    wrong record;
BEGIN
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
        RAISE EXCEPTION 'version % of stream "%" does not follow its last event',
            wrong.version, wrong.stream
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;

-- Appends a batch in one call: the logins write events in this way, or whole as below. A batch has an append for
-- each of its commands, which is stored whole or not at all. Appends are numbered from 0; the
-- document is, with everything in the order of decision,
--
--   {"relied":  [[stream, version, [append, ...]], ...],
--    "events":  [[stream, version, subject, type, schema, data, meta, at, append], ...],
--    "results": [[append, command id, fingerprint, outcome, stream, version], ...]}
--
-- "relied": each stream that appends add to or rely on, with the version that it had in the log (0
-- without events). "results": what to store under a command's id (the fingerprint in base64), and
-- the event after which it was decided (version 0 for none).
--
-- Returns the last position before the batch, and the refused appends: those that rely on a stream
-- that has moved, those with a command id that is taken, and those that rely on events that refused
-- appends would have added. Nothing of them is stored; the others are stored whole, at the next
-- positions.
--
-- The document is not trusted. The function checks the stored rows, which costs less than to take
-- the document apart once more. The call fails for an event whose time is before 1970 (by the
-- table) or more than an hour from now (clocks differ), and for an event that does not follow the
-- last one of its stream.
--
-- A session that keeps the transaction open and does nothing is ended after 2 s: before those that
-- wait for the lock give up.
--
-- LATERAL with LIMIT makes the planner look up each row by index: a plan made while the table was
-- small, and reused, would scan the whole log on every append. OFFSET makes it read each time once,
-- although the time is used twice.
CREATE FUNCTION append_events(
    batch jsonb, OUT position_before bigint, OUT refused integer[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    in_time CONSTANT timestamptz := now() - interval '10 minutes';
    results CONSTANT boolean := coalesce(jsonb_array_length(batch -> 'results') > 0, false);
    moved text[];
    taken integer[] := '{}';
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
    IF results THEN
        taken := ARRAY(
            SELECT (result.it ->> 0)::integer
            FROM jsonb_array_elements(batch -> 'results') AS result(it)
            CROSS JOIN LATERAL (
                SELECT FROM command_results
                WHERE command_results.command_id = (result.it ->> 1)::uuid
                LIMIT 1
            ) AS stored
        );
    END IF;
    refused := '{}';
    IF cardinality(moved) > 0 OR cardinality(taken) > 0 THEN
        refused := appends_to_refuse(batch, moved, taken);
        batch := jsonb_build_object('events', (
            SELECT coalesce(jsonb_agg(event.it ORDER BY event.place), '[]')
            FROM jsonb_array_elements(batch -> 'events') WITH ORDINALITY AS event(it, place)
            WHERE (event.it ->> 8)::integer <> ALL (refused)
        ), 'results', (
            SELECT coalesce(jsonb_agg(result), '[]')
            FROM jsonb_array_elements(batch -> 'results') AS result
            WHERE (result ->> 0)::integer <> ALL (refused)
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

    PERFORM check_events_after(position_before);

    IF results THEN
        INSERT INTO command_results (command_id, fingerprint, outcome, position)
        SELECT
            (result.it ->> 1)::uuid, decode(result.it ->> 2, 'base64'), result.it -> 3,
            coalesce(given_after.position, 0)
        FROM jsonb_array_elements(batch -> 'results') AS result(it)
        LEFT JOIN LATERAL (
            SELECT events.position FROM events
            WHERE events.stream = result.it ->> 4 AND events.version = (result.it ->> 5)::integer
            LIMIT 1
        ) AS given_after ON true;
    END IF;

    IF jsonb_array_length(batch -> 'events') > 0 THEN
        PERFORM pg_notify('votes_log', '');
    END IF;
END
$$;

-- Appends a batch whole or not at all, as imports do: many commands with ids, hardly one of which meets
-- others. Nothing is looked for before it is stored, so it takes a third less time than
-- `append_events`. The document is, with everything in the order of decision,
--
--   {"relied":  [[stream, version], ...],
--    "meta":    of all events,
--    "events":  [[stream, version, subject, type, schema, data, at, command id, outcome], ...],
--    "results": [[command id, outcome, stream, version], ...]}
--
-- "relied": streams that commands rely on without adding to them, with the version that each had in the
-- log. "events": each with the result of its command. "results": of commands without an event, as in
-- `append_events`. None has a fingerprint: these ids stand for all that their commands say.
--
-- Returns the last position before the batch; null where nothing was stored, as a stream has moved or
-- a command id is taken. The rest is as in `append_events`.
CREATE FUNCTION append_whole(batch jsonb) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    position_before CONSTANT bigint := open_log();
    in_time CONSTANT timestamptz := now() - interval '10 minutes';
    meta CONSTANT jsonb := batch -> 'meta';
BEGIN
    PERFORM set_config('idle_in_transaction_session_timeout', '2s', true);

    IF EXISTS (
        SELECT
        FROM jsonb_array_elements(batch -> 'relied') AS relied(it)
        LEFT JOIN LATERAL (
            SELECT events.version
            FROM events
            WHERE events.stream = relied.it ->> 0
            ORDER BY events.version DESC
            LIMIT 1
        ) AS last ON true
        WHERE (relied.it ->> 1)::integer <> coalesce(last.version, 0)
    ) THEN
        RETURN NULL;
    END IF;

    WITH event AS MATERIALIZED (
        SELECT position_before + place AS position, it, (it ->> 6)::timestamptz AS at
        FROM jsonb_array_elements(batch -> 'events') WITH ORDINALITY AS event(it, place)
    ), stored AS (
        INSERT INTO events (position, stream, version, subject, type, schema, data, meta, at, late)
        SELECT
            event.position, event.it ->> 0, (event.it ->> 1)::integer, event.it ->> 2,
            event.it ->> 3, (event.it ->> 4)::smallint, event.it -> 5, meta, event.at,
            event.at < in_time
        FROM event
    )
    INSERT INTO command_results (command_id, fingerprint, outcome, position)
    SELECT (event.it ->> 7)::uuid, '', event.it -> 8, event.position
    FROM event;

    PERFORM check_events_after(position_before);

    INSERT INTO command_results (command_id, fingerprint, outcome, position)
    SELECT (result.it ->> 0)::uuid, '', result.it -> 1, coalesce(given_after.position, 0)
    FROM jsonb_array_elements(batch -> 'results') AS result(it)
    LEFT JOIN LATERAL (
        SELECT events.position FROM events
        WHERE events.stream = result.it ->> 2 AND events.version = (result.it ->> 3)::integer
        LIMIT 1
    ) AS given_after ON true;

    IF jsonb_array_length(batch -> 'events') > 0 THEN
        PERFORM pg_notify('votes_log', '');
    END IF;
    RETURN position_before;
EXCEPTION
    WHEN unique_violation THEN RETURN NULL;
END
$$;

-- Moves a consumer on to the position, never back: two processes may do the same work at once.
CREATE FUNCTION finish(consumer text, reached bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO consumers AS stored (name, position) VALUES (consumer, reached)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
        WHERE stored.position < excluded.position
$$;

-- Takes the lead of a set of read models for a process, or keeps it, for some time from now (none to
-- give it back). True where the process leads, null where another one does.
--
-- It is a row with a time, and not a lock: any login may take an advisory lock for ever, and a lock of
-- a table needs an open transaction, in which a session receives no notification.
CREATE FUNCTION take_lead(wanted text, taker uuid, lasting interval) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO leads AS held (signature, process, session, until)
    VALUES (wanted, taker, pg_backend_pid(), clock_timestamp() + lasting)
    ON CONFLICT (signature) DO UPDATE SET
        process = excluded.process, session = excluded.session, until = excluded.until
        WHERE held.process = excluded.process OR held.until < clock_timestamp()
    RETURNING true
$$;

-- Ends each session of the program's logins that holds the writers' lock in a transaction of more
-- than 3 s, and returns how many. Whoever holds the lock so long hangs, or keeps it from others: it can
-- switch off its own time limits, but not this. Anybody of the program may call it.
CREATE FUNCTION free_log() RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT count(*) FILTER (WHERE pg_terminate_backend(lock.pid))
    FROM pg_locks AS lock JOIN pg_stat_activity AS session ON session.pid = lock.pid
    WHERE lock.relation = 'log'::regclass AND lock.granted
        AND lock.mode = 'ShareUpdateExclusiveLock'
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND session.xact_start < clock_timestamp() - interval '3 s'
        AND pg_has_role(session.usesysid, 'USAGE')
$$;

-- All may read. What is written, functions write, which act as a role that nobody logs in as, with
-- exactly the rights that they need: to read, to insert, to move a consumer and the lead, and to take
-- the lock, for which Postgres demands a right to change the table.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON log, events, command_results, consumers, leads FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO votes_reader, votes_log;
GRANT SELECT (epoch, single) ON log TO votes_reader;
GRANT SELECT ON events, consumers TO votes_reader;
GRANT SELECT ON log, command_results TO votes_api;
GRANT SELECT ON events, command_results, consumers, leads TO votes_log;
GRANT INSERT, UPDATE ON consumers, leads TO votes_log;
GRANT INSERT ON events TO votes_log;
GRANT INSERT (command_id, fingerprint, outcome, position) ON command_results TO votes_log;
GRANT UPDATE ON log TO votes_log;
REVOKE EXECUTE ON FUNCTION open_log, appends_to_refuse, check_events_after FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION append_events, append_whole, finish, take_lead, free_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_log, appends_to_refuse, check_events_after TO votes_log;
GRANT EXECUTE ON FUNCTION free_log TO votes_reader;
GRANT EXECUTE ON FUNCTION append_events TO votes_api, votes_projector;
GRANT EXECUTE ON FUNCTION append_whole TO votes_api;
GRANT EXECUTE ON FUNCTION finish, take_lead TO votes_projector;

-- Postgres makes a role the owner of a function only if the role could have created it there.
GRANT CREATE ON SCHEMA public TO votes_log;
ALTER FUNCTION append_events OWNER TO votes_log;
ALTER FUNCTION append_whole OWNER TO votes_log;
ALTER FUNCTION finish OWNER TO votes_log;
ALTER FUNCTION take_lead OWNER TO votes_log;
ALTER FUNCTION free_log OWNER TO votes_log;
REVOKE CREATE ON SCHEMA public FROM votes_log;

-- Which user is behind an id in the log. A user's subject (what the login calls them, often an
-- e-mail address) is never sent here: `subject_hash` is its HMAC-SHA256 under `log.subject_secret`.
-- With the key of a person is encrypted what the person writes for themselves. It is not encrypted
-- itself: it is here to be destroyed.
CREATE TABLE people (
    subject_hash bytea NOT NULL,
    id text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT people_subject_hash PRIMARY KEY (subject_hash),
    CONSTRAINT people_id UNIQUE (id),
    CONSTRAINT people_sizes CHECK (
        length(subject_hash) = 32 AND id ~ '^[A-Za-z0-9_-]{11}$' AND length(key) = 64
    )
) WITH (
    -- A destroyed row is vacuumed within a minute or two, however few there are.
    autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0
);

-- Adds persons that are not there. Of two that add the same one at the same time the second changes
-- nothing. All take the rows in one order, so nobody waits in a circle.
CREATE FUNCTION add_people(hashes bytea[], ids text[], keys bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO people (subject_hash, id, key)
    SELECT added.subject_hash, added.id, added.key
    FROM unnest(hashes, ids, keys) AS added(subject_hash, id, key)
    ORDER BY added.subject_hash
    ON CONFLICT (subject_hash) DO NOTHING
$$;

-- Destroys the rows of those of the persons whose erasure is in the log, and of no others. It acts as
-- a role that nobody logs in as, the only one but the owner that may delete here.
CREATE FUNCTION erase_people(ids text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    DELETE FROM people
    WHERE people.id = ANY (ids)
        AND EXISTS (SELECT FROM events WHERE events.stream = 'person:' || people.id)
$$;

-- Destroys the rows of all who are erased and still have one, as a process died in between; returns
-- how many.
CREATE FUNCTION finish_erasures() RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH destroyed AS (
        DELETE FROM people USING events
        WHERE events.stream >= 'person:' AND events.stream < 'person;'
            AND people.id = substr(events.stream, 8)
        RETURNING people.id
    )
    SELECT count(*) FROM destroyed
$$;

REVOKE ALL ON people FROM PUBLIC;
GRANT SELECT ON people TO votes_api, votes_log;
GRANT INSERT (subject_hash, id, key) ON people TO votes_log;
GRANT USAGE ON SCHEMA public TO votes_eraser;
GRANT SELECT (id), DELETE ON people TO votes_eraser;
GRANT SELECT (stream) ON events TO votes_eraser;
REVOKE EXECUTE ON FUNCTION add_people, erase_people, finish_erasures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_people, erase_people TO votes_api;
GRANT EXECUTE ON FUNCTION finish_erasures TO votes_projector;
GRANT CREATE ON SCHEMA public TO votes_log, votes_eraser;
ALTER FUNCTION add_people OWNER TO votes_log;
ALTER FUNCTION erase_people OWNER TO votes_eraser;
ALTER FUNCTION finish_erasures OWNER TO votes_eraser;
REVOKE CREATE ON SCHEMA public FROM votes_log, votes_eraser;

-- Who gets the weekly mail. Nobody reads this table but its owner and `votes_post`, as which the functions
-- below act. The address is encrypted and its hash keyed, by keys made of `log.address_secret`. The token
-- is a secret of whoever reads the address's mails: who has it may confirm, change and end the
-- subscription. `due_at` says when the next mail is tried, null for none: of an address that is not
-- confirmed it asks for that, of a confirmed one it is the last weekly mail. The language is the one in
-- which the address was entered, as in `lang`.
CREATE TABLE subscriptions (
    token text COLLATE "C" NOT NULL,
    address_hash bytea NOT NULL,
    address bytea NOT NULL,
    parts text[] NOT NULL DEFAULT '{new,flipped,close,next}',
    language text COLLATE "C" NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    bounced_at timestamptz,
    due_at timestamptz DEFAULT now(),
    -- squawk-ignore prefer-bigint-over-smallint -- a mail is tried for a week at most
    tries smallint NOT NULL DEFAULT 0,
    CONSTRAINT subscriptions_token PRIMARY KEY (token),
    CONSTRAINT subscriptions_address_hash UNIQUE (address_hash),
    CONSTRAINT subscriptions_sizes CHECK (
        token ~ '^[A-Za-z0-9_-]{22}$' AND length(address_hash) = 32 AND length(address) <= 400
        AND parts <@ '{new,flipped,close,next}' AND cardinality(parts) <= 4
        AND language ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' AND length(language) <= 35
    )
) WITH (
    -- A removed address is vacuumed within a minute or two, as those of `people`.
    autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0
);
-- squawk-ignore require-concurrent-index-creation -- the table is empty
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;

-- The weekly mails, each with what it says, null for a week of which there was nothing to say.
CREATE TABLE digests (
    week text COLLATE "C" CONSTRAINT digests_week PRIMARY KEY,
    content jsonb,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT digests_sizes CHECK (week ~ '^[0-9]{4}-W[0-9]{2}$' AND pg_column_size(content) <= 65536)
);

-- Adds an address, or asks it again. What is confirmed stays as it is, and nobody gets two mails of a
-- sign-up within an hour. Returns nothing: whoever calls does not learn what was there.
CREATE FUNCTION subscribe(hash bytea, sealed bytea, new_token text, spoken text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO subscriptions AS stored (token, address_hash, address, language)
    VALUES (new_token, hash, sealed, spoken)
    ON CONFLICT (address_hash) DO UPDATE
        SET asked_at = now(), confirmed_at = NULL, bounced_at = NULL, due_at = now(), tries = 0,
            language = spoken
        WHERE (stored.confirmed_at IS NULL OR stored.bounced_at IS NOT NULL)
            AND stored.asked_at < now() - interval '1 hour'
$$;

-- Whether the subscription is confirmed, and the parts it wants; no row for an unknown token.
CREATE FUNCTION subscription(which text) RETURNS TABLE (confirmed boolean, wanted text[])
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT subscriptions.confirmed_at IS NOT NULL, subscriptions.parts
    FROM subscriptions WHERE subscriptions.token = which
$$;

-- Confirms a subscription. Its first weekly mail is the next one that is written.
CREATE FUNCTION confirm_subscription(which text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE subscriptions SET confirmed_at = now(), due_at = NULL, tries = 0
    WHERE subscriptions.token = which AND subscriptions.confirmed_at IS NULL
$$;

-- Sets the parts that a subscription wants.
CREATE FUNCTION set_parts(which text, wanted text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE subscriptions SET parts = wanted WHERE subscriptions.token = which
$$;

-- Removes a subscription and its address: by its token, or by the hash of the address.
CREATE FUNCTION unsubscribe(which text, hash bytea) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH removed AS (
        DELETE FROM subscriptions
        WHERE subscriptions.token = which OR subscriptions.address_hash = hash
        RETURNING 1
    )
    SELECT count(*) FROM removed
$$;

-- Takes mails that are due, at most so many, for some time from now: nobody else gets them before.
CREATE FUNCTION claim_mails(quantity bigint, lasting interval) RETURNS TABLE (
    token text, address bytea, parts text[], language text, confirmed boolean, asked_at timestamptz,
    tries smallint
) LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE subscriptions AS taken SET due_at = clock_timestamp() + lasting
    WHERE taken.token IN (
        SELECT due.token FROM subscriptions AS due
        WHERE due.due_at <= clock_timestamp()
        ORDER BY due.due_at
        LIMIT quantity
        FOR UPDATE SKIP LOCKED
    )
    RETURNING
        taken.token, taken.address, taken.parts, taken.language, taken.confirmed_at IS NOT NULL,
        taken.asked_at, taken.tries
$$;

-- Says that a mail is sent (no interval), or when it is tried again.
CREATE FUNCTION mail_done(which text, again interval) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE subscriptions SET
        due_at = clock_timestamp() + again,
        tries = CASE WHEN again IS NULL THEN 0 ELSE subscriptions.tries + 1 END
    WHERE subscriptions.token = which
$$;

-- Says that the address is refused for good: it gets no more mails, until it signs up again.
CREATE FUNCTION mail_bounced(which text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    UPDATE subscriptions SET bounced_at = now(), due_at = NULL
    WHERE subscriptions.token = which
$$;

-- Stores a weekly mail, the first of each week alone, and makes it due for all who confirmed, if it says
-- something. Returns how many these are.
CREATE FUNCTION write_digest(of_week text, says jsonb) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH written AS (
        INSERT INTO digests (week, content) VALUES (of_week, says)
        ON CONFLICT (week) DO NOTHING
        RETURNING 1
    ), due AS (
        UPDATE subscriptions SET due_at = now(), tries = 0
        WHERE subscriptions.confirmed_at IS NOT NULL AND subscriptions.bounced_at IS NULL
            AND says IS NOT NULL AND EXISTS (SELECT FROM written)
        RETURNING 1
    )
    SELECT count(*) FROM due
$$;

-- Removes addresses that were not confirmed within a week, or that bounced a month ago.
CREATE FUNCTION tidy_subscriptions() RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH removed AS (
        DELETE FROM subscriptions
        WHERE subscriptions.confirmed_at IS NULL
                AND subscriptions.asked_at < now() - interval '7 days'
            OR subscriptions.bounced_at < now() - interval '30 days'
        RETURNING 1
    )
    SELECT count(*) FROM removed
$$;

-- How many subscriptions there are of each kind, and how many mails are to be sent: within two minutes,
-- which is as long as one is claimed, or later.
CREATE FUNCTION count_subscriptions(
    OUT confirmed bigint, OUT unconfirmed bigint, OUT bounced bigint, OUT due bigint, OUT later bigint
) LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT
        count(*) FILTER (WHERE confirmed_at IS NOT NULL AND bounced_at IS NULL),
        count(*) FILTER (WHERE confirmed_at IS NULL AND bounced_at IS NULL),
        count(*) FILTER (WHERE bounced_at IS NOT NULL),
        count(*) FILTER (WHERE due_at <= clock_timestamp() + interval '2 minutes'),
        count(*) FILTER (WHERE due_at > clock_timestamp() + interval '2 minutes')
    FROM subscriptions
$$;

REVOKE ALL ON subscriptions, digests FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO votes_post;
GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions TO votes_post;
GRANT SELECT, INSERT ON digests TO votes_post;
GRANT SELECT ON digests TO votes_reader;
GRANT SELECT (address_secret) ON log TO votes_projector;
REVOKE EXECUTE ON FUNCTION
    subscribe, subscription, confirm_subscription, set_parts, unsubscribe, claim_mails, mail_done,
    mail_bounced, write_digest, tidy_subscriptions, count_subscriptions
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    subscribe, subscription, confirm_subscription, set_parts, unsubscribe
TO votes_api;
GRANT EXECUTE ON FUNCTION
    claim_mails, mail_done, mail_bounced, write_digest, tidy_subscriptions
TO votes_projector;
GRANT EXECUTE ON FUNCTION count_subscriptions TO votes_reader;
GRANT CREATE ON SCHEMA public TO votes_post;
ALTER FUNCTION subscribe OWNER TO votes_post;
ALTER FUNCTION subscription OWNER TO votes_post;
ALTER FUNCTION confirm_subscription OWNER TO votes_post;
ALTER FUNCTION set_parts OWNER TO votes_post;
ALTER FUNCTION unsubscribe OWNER TO votes_post;
ALTER FUNCTION claim_mails OWNER TO votes_post;
ALTER FUNCTION mail_done OWNER TO votes_post;
ALTER FUNCTION mail_bounced OWNER TO votes_post;
ALTER FUNCTION write_digest OWNER TO votes_post;
ALTER FUNCTION tidy_subscriptions OWNER TO votes_post;
ALTER FUNCTION count_subscriptions OWNER TO votes_post;
REVOKE CREATE ON SCHEMA public FROM votes_post;

-- What Postgres lets any login do in a database: connect, make temporary tables, and call functions
-- that end other sessions of the same login, that fill the table of all locks, and that store large
-- objects. Only their owner can take these away: where a superuser does not migrate, one has to do it
-- before (deploy/postgres-init/roles.sh).
DO $$
DECLARE
    one regprocedure;
BEGIN
    IF pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO votes_reader', current_database());
    END IF;
    FOR one IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
            AND proname ~ '^(pg_(cancel|terminate)_backend$|pg_(try_)?advisory_|lo_|lowrite$)'
            AND pg_has_role(proowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        IF one = 'pg_terminate_backend'::regproc THEN
            GRANT EXECUTE ON FUNCTION pg_terminate_backend TO votes_log;
        END IF;
    END LOOP;
END
$$;
