-- All SQL of the running program, each query under its name, with parameters only.
-- The migrations are in `migrations/`, the table that lists them in `migrate.py`.

-- name: last_events
-- The last event of each of the streams $1; no row for a stream without events.
SELECT
    last.position, last.stream, last.version, last.subject,
    last.type, last.schema, last.data, last.at, last.late
FROM unnest($1::text[]) AS wanted(stream)
CROSS JOIN LATERAL (
    SELECT position, stream, version, subject, type, schema, data, at, late
    FROM events
    WHERE events.stream = wanted.stream
    ORDER BY version DESC
    LIMIT 1
) AS last;

-- name: command_results
-- The stored results of the commands with the ids $1.
SELECT command_id, fingerprint, outcome, position FROM command_results
WHERE command_id = ANY ($1::uuid[]);

-- name: taken
-- Those of the command ids $1 that have a stored result, in hexadecimal.
SELECT encode(uuid_send(command_id), 'hex') AS command_id FROM command_results
WHERE command_id = ANY ($1::uuid[]);

-- name: append
-- Appends the batch $1, a document: see the function in the migrations.
SELECT position_before, refused FROM append_events($1);

-- name: append_whole
-- Appends the batch $1 whole or not at all: see the function in the migrations.
SELECT append_whole($1) AS position_before;

-- name: events_after
-- Events after position $1 in order, at most $2. Their times are seconds since 1970, exact to the
-- microsecond until 2200: the driver takes as long to make one of a timestamptz as for all the rest.
SELECT
    position, stream, version, subject, type, schema, data, date_part('epoch', at) AS at, late
FROM events
WHERE position > $1 ORDER BY position LIMIT $2;

-- name: columns_after
-- How many events there are at the $2 positions after $1, and their columns in order, without streams.
-- Times are as above. Data of more than 200 bytes is left out, so that no array gets too large.
SELECT
    count(*) AS events,
    array_agg(subject ORDER BY position) AS subjects,
    array_agg(type ORDER BY position) AS types,
    array_agg(schema ORDER BY position) AS schemas,
    array_agg(CASE WHEN pg_column_size(data) <= 200 THEN data END ORDER BY position) AS data,
    array_agg(date_part('epoch', at) ORDER BY position) AS seconds,
    array_agg(late ORDER BY position) AS lates
FROM events
WHERE position > $1 AND position <= $1 + $2;

-- name: events_at
-- The events that exist at the positions $1, in order.
SELECT position, stream, version, subject, type, schema, data, at, late FROM events
WHERE position = ANY ($1::bigint[]) ORDER BY position;

-- name: open_log
-- Takes the writers' lock, and returns the last position.
SELECT open_log();

-- name: records_after
-- As events_after, with all columns.
SELECT position, stream, version, subject, type, schema, data, meta, at, late FROM events
WHERE position > $1 ORDER BY position LIMIT $2;

-- name: count_events
-- Counts equal events about the subject $1 of the types $2, at the positions $3 to $4 and the times
-- $5 to $6, without those at the positions $7 and without late ones; the fields $8 are left out.
SELECT type, schema, data - $8::text[] AS data, count(*) AS count, max(position) AS position
FROM events
WHERE subject = $1 AND position BETWEEN $3 AND $4 AND NOT late
    AND type = ANY ($2::text[]) AND at BETWEEN $5 AND $6 AND position <> ALL ($7::bigint[])
GROUP BY type, schema, data - $8::text[];

-- name: count_late_events
-- As count_events, of late events alone: they are found by their times, since their positions may
-- be anywhere. OFFSET keeps the planner from finding them by their positions.
SELECT type, schema, data - $8::text[] AS data, count(*) AS count, max(position) AS position
FROM (
    SELECT type, schema, data, position
    FROM events
    WHERE subject = $1 AND at BETWEEN $5 AND $6 AND late
    OFFSET 0
) AS late_events
WHERE type = ANY ($2::text[]) AND position BETWEEN $3 AND $4 AND position <> ALL ($7::bigint[])
GROUP BY type, schema, data - $8::text[];

-- name: last_about
-- The last events about the subject $1 of the types $2, up to position $3, at most $4, newest first.
SELECT position, stream, version, subject, type, schema, data, at, late FROM events
WHERE subject = $1 AND type = ANY ($2::text[]) AND position <= $3
ORDER BY position DESC
LIMIT $4;

-- name: last_of_stream
-- The last events of the stream $1, at most $2, newest first.
SELECT position, stream, version, subject, type, schema, data, at, late FROM events
WHERE stream = $1
ORDER BY version DESC
LIMIT $2;

-- name: about
-- The first events about the subject $1 of the types $2, after position $3, at most $4, in order.
-- Whatever the planner believes, only the index of subjects has the rows in this order.
SELECT position, stream, version, subject, type, schema, data, at, late FROM events
WHERE (subject, position) > ($1, $3) AND subject = $1 AND type = ANY ($2::text[])
ORDER BY subject, position
LIMIT $4;

-- name: standing
-- The events about the subject $1 of the types $2 at the positions after $3 up to $4, at most $5 in
-- order, and whether each was the last of its stream at position $4. Whatever the planner believes,
-- only the index of subjects has the rows that are compared in their order, and LATERAL with LIMIT
-- looks up each next version.
SELECT
    page.position, page.stream, page.version, page.subject,
    page.type, page.schema, page.data, page.at, page.late, next.version IS NULL AS stands
FROM (
    SELECT position, stream, version, subject, type, schema, data, at, late FROM events
    WHERE (subject, position) > ($1, $3) AND (subject, position) <= ($1, $4)
        AND type = ANY ($2::text[])
    ORDER BY subject, position
    LIMIT $5
) AS page
LEFT JOIN LATERAL (
    SELECT version FROM events
    WHERE stream = page.stream AND version = page.version + 1 AND position <= $4
    LIMIT 1
) AS next ON true
ORDER BY page.position;

-- name: unfinished
-- The last event of each stream that begins with $1 (and ends before $2), with the position that
-- the consumer of the stream's name has reached, where that is lower; at most $3, in order.
SELECT last.*, coalesce(consumers.position, 0) AS reached
FROM (
    SELECT DISTINCT ON (stream) position, stream, version, subject, type, schema, data, at, late FROM events
    WHERE stream >= $1 AND stream < $2
    ORDER BY stream, version DESC
) AS last
LEFT JOIN consumers ON consumers.name = last.stream
WHERE last.position > coalesce(consumers.position, 0)
ORDER BY last.position
LIMIT $3;

-- name: reached
-- The position that the consumer $1 has reached; no row where it never began.
SELECT position FROM consumers WHERE name = $1;

-- name: finish
-- Moves the consumer $1 to the position $2: see the function in the migrations.
SELECT finish($1, $2);

-- name: last_events_of_prefix
-- The last event of each stream that begins with $1 (and ends before $2), at most $3 streams.
SELECT DISTINCT ON (stream) position, stream, version, subject, type, schema, data, at, late FROM events
WHERE stream >= $1 AND stream < $2
ORDER BY stream, version DESC
LIMIT $3;

-- name: head
-- The last position, 0 in an empty log.
SELECT coalesce(max(position), 0) FROM events;

-- name: epoch
-- Which log this is.
SELECT epoch FROM log;

-- name: people
-- The persons behind the subjects with the hashes $1, as far as they are known.
SELECT subject_hash, id, key, since FROM people WHERE subject_hash = ANY ($1::bytea[]);

-- name: people_by_id
-- Those of the persons $1 that exist.
SELECT id, key, since FROM people WHERE id = ANY ($1::text[]);

-- name: add_people
-- Adds persons with the hashes $1, ids $2 and keys $3: see the function in the migrations.
SELECT add_people($1, $2, $3);

-- name: erase_people
-- Destroys the rows of those of the persons $1 that are erased: see the function in the migrations.
SELECT erase_people($1);

-- name: finish_erasures
-- Destroys the rows of all who are erased and still have one: see the function in the migrations.
SELECT finish_erasures();

-- name: people_after
-- Persons with all columns, in the order of their ids, after the id $1, at most $2.
SELECT people.id, people.subject_hash, people.key, people.since, log.subject_secret
FROM people CROSS JOIN log
WHERE people.id > $1 ORDER BY people.id LIMIT $2;

-- name: subject_secret_of_others
-- The key of the hashes of subjects, where there are persons with such a hash.
SELECT log.subject_secret FROM log WHERE EXISTS (SELECT FROM people);

-- name: set_subject_secret
-- Makes $1 the key of the hashes of subjects.
UPDATE log SET subject_secret = $1;

-- name: restore_people
-- Adds those of the persons with the ids $1, hashes $2, keys $3 and times $4 that are neither there nor
-- erased.
INSERT INTO people (id, subject_hash, key, since)
SELECT added.id, added.subject_hash, added.key, added.since
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::timestamptz[])
    AS added(id, subject_hash, key, since)
WHERE NOT EXISTS (SELECT FROM events WHERE events.stream = 'person:' || added.id)
ON CONFLICT (subject_hash) DO NOTHING
RETURNING 1;

-- name: acts
-- What the user $1 did whose streams do not say whose they are, in order.
SELECT position, stream, version, subject, type, schema, data, at, late FROM events
WHERE meta ->> 'actor' = $1 AND starts_with(meta ->> 'actor', 'user:')
ORDER BY position;

-- name: subject_secret
-- The key of the hashes of subjects.
SELECT subject_secret FROM log;

-- name: take_lead
-- Takes or keeps the lead of the set $1 for the process $2, for $3: see the function in the migrations.
SELECT take_lead($1, $2, $3);

-- name: free_log
-- Ends the sessions that keep the log from others: see the function in the migrations.
SELECT free_log();

-- name: address_secret
-- The key of the addresses of the weekly mail.
SELECT address_secret FROM log;

-- The functions of the weekly mail are described in the migrations.

-- name: subscribe
SELECT subscribe($1, $2, $3, $4);

-- name: subscription
SELECT confirmed, wanted FROM subscription($1);

-- name: confirm_subscription
SELECT confirm_subscription($1);

-- name: set_parts
SELECT set_parts($1, $2);

-- name: unsubscribe
SELECT unsubscribe($1, $2);

-- name: claim_mails
SELECT token, address, parts, language, confirmed, asked_at, tries FROM claim_mails($1, $2);

-- name: mail_done
SELECT mail_done($1, $2);

-- name: mail_bounced
SELECT mail_bounced($1);

-- name: write_digest
SELECT write_digest($1, $2);

-- name: last_digest
-- The weekly mail that was written last.
SELECT week, content, at FROM digests ORDER BY week DESC LIMIT 1;

-- name: tidy_subscriptions
SELECT tidy_subscriptions();

-- name: count_subscriptions
SELECT confirmed, unconfirmed, bounced, due, later FROM count_subscriptions();
