"""What each role of the database may do, and what it may not, by whatever way it was set up."""

from collections.abc import Mapping

import asyncpg

API, PROJECTOR, READER = "votes_api", "votes_projector", "votes_reader"
ROLES = (API, PROJECTOR, READER)
DENIED = asyncpg.InsufficientPrivilegeError.sqlstate
ENDED = (
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What the driver says, at one moment or another, of a session that the server has ended."""
INSERT = (
    "INSERT INTO events (position, stream, version, subject, type, schema, data, meta, at, late)"
    " VALUES (1, 's', 1, 'a', 'VoteCast', 1, '{}', '{}', now(), false)"
)
INSERT_RESULT = "INSERT INTO command_results (command_id, fingerprint, outcome, position"
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "SELECT FROM events, log, consumers, migrations": ROLES,
    "SELECT free_log()": ROLES,
    "SET ROLE votes_reader": ROLES,
    "LISTEN votes_log": ROLES,
    "SELECT append_events('{}')": (API, PROJECTOR),
    "SELECT append_whole('{}')": (API,),
    "SELECT FROM command_results": (API,),
    "SELECT subject_secret FROM log": (API,),
    "SELECT FROM people": (API,),
    "SELECT add_people('{}', '{}', '{}')": (API,),
    "SELECT erase_people('{}')": (API,),
    "SELECT finish_erasures()": (PROJECTOR,),
    "SELECT finish('ruling:x', 1)": (PROJECTOR,),
    "SELECT take_lead('x', gen_random_uuid(), '3 s')": (PROJECTOR,),
    "SELECT address_secret FROM log": (API, PROJECTOR),
    "SELECT FROM digests": ROLES,
    "SELECT count_subscriptions()": ROLES,
    "SELECT subscribe(sha256(''), '', 'an-id-of-22-letters-ab', 'en')": (API,),
    "SELECT subscription('x')": (API,),
    "SELECT confirm_subscription('x')": (API,),
    "SELECT set_parts('x', '{}')": (API,),
    "SELECT unsubscribe('x', NULL)": (API,),
    "SELECT claim_mails(1, '1 s')": (PROJECTOR,),
    "SELECT mail_done('x', NULL)": (PROJECTOR,),
    "SELECT mail_bounced('x')": (PROJECTOR,),
    "SELECT write_digest('2026-W01', NULL)": (PROJECTOR,),
    "SELECT tidy_subscriptions()": (PROJECTOR,),
}
REFUSED = (
    # history
    INSERT,
    INSERT.replace("(1, 's'", "(1, 't'") + " ON CONFLICT (position) DO NOTHING",
    "UPDATE events SET data = '{}'",
    "DELETE FROM events",
    "TRUNCATE events",
    "MERGE INTO events USING log ON true WHEN MATCHED THEN DELETE",
    f"{INSERT_RESULT}) VALUES (gen_random_uuid(), '', '{{}}', 1)",
    f"{INSERT_RESULT}, at) VALUES (gen_random_uuid(), '', '{{}}', 1, '2020-01-01')",
    "UPDATE command_results SET outcome = '{}'",
    "DELETE FROM command_results",
    "TRUNCATE command_results",
    # what else is kept
    "INSERT INTO log DEFAULT VALUES",
    "UPDATE log SET epoch = gen_random_uuid()",
    "UPDATE log SET subject_secret = ''",
    "DELETE FROM log",
    "INSERT INTO people (subject_hash, id, key) VALUES ('', '', '')",
    "UPDATE people SET key = ''",
    "DELETE FROM people",
    "SELECT FROM subscriptions",
    "INSERT INTO subscriptions (token, address_hash, address, language) VALUES ('', '', '', '')",
    "UPDATE subscriptions SET confirmed_at = now()",
    "DELETE FROM subscriptions",
    "INSERT INTO digests (week) VALUES ('2026-W01')",
    "UPDATE digests SET content = '{}'",
    "DELETE FROM digests",
    "INSERT INTO consumers VALUES ('ruling:x', 1)",
    "UPDATE consumers SET position = 0",
    "DELETE FROM consumers",
    "SELECT FROM leads",
    "INSERT INTO leads VALUES ('x', gen_random_uuid(), 1, 'infinity')",
    "DELETE FROM leads",
    "INSERT INTO migrations (name, checksum) VALUES ('9999', '')",
    "UPDATE migrations SET checksum = ''",
    # locks
    "LOCK TABLE log IN ROW SHARE MODE",
    "LOCK TABLE log IN ROW EXCLUSIVE MODE",
    "LOCK TABLE log IN SHARE UPDATE EXCLUSIVE MODE",
    "LOCK TABLE log",
    "LOCK TABLE events IN SHARE MODE",
    "LOCK TABLE command_results IN EXCLUSIVE MODE",
    "LOCK TABLE migrations IN EXCLUSIVE MODE",
    "LOCK TABLE leads IN ACCESS SHARE MODE",
    "SELECT FROM log FOR UPDATE",
    "SELECT FROM events FOR KEY SHARE",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_xact_lock_shared(1, 2)",
    # the schema
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "ALTER TABLE events DROP CONSTRAINT events_position",
    "ALTER TABLE events DROP COLUMN meta",
    "ALTER TABLE events OWNER TO votes_api",
    "DROP TABLE events",
    "DROP TRIGGER events_append_only ON events",
    "CREATE INDEX ON events (at)",
    "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION refuse_rewriting_history()",
    "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
    "CREATE TABLE public.mine ()",
    "CREATE TEMP TABLE events ()",
    "CREATE FUNCTION public.cardinality(text[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION open_log() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "ALTER FUNCTION append_events RESET search_path",
    "ALTER FUNCTION append_events OWNER TO votes_api",
    "ALTER FUNCTION erase_people OWNER TO votes_api",
    "ALTER FUNCTION append_whole OWNER TO votes_api",
    "DROP FUNCTION append_events",
    "CREATE SCHEMA mine",
    "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION refuse_rewriting_history()",
    "SELECT open_log()",
    "SELECT appends_to_refuse('{}', '{}', '{}')",
    "SELECT check_events_after(0)",
    # more rights
    "SET ROLE votes_log",
    "SET ROLE votes_eraser",
    "SET ROLE votes_post",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "CREATE ROLE mine",
    "ALTER ROLE votes_log LOGIN",
    "ALTER ROLE votes_reader SUPERUSER",
    "GRANT votes_log TO votes_api",
    "GRANT pg_signal_backend TO votes_api",
    # the server, and other sessions
    "COPY events TO PROGRAM 'cat'",
    "COPY log FROM '/etc/passwd'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT FROM pg_authid",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(0)",
    "SELECT pg_cancel_backend(0)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/passwd')",
    "CHECKPOINT",
)
"""To each role, with the code `DENIED`. What is refused to some of them is in `ALLOWED`."""
HOLES = (
    "GRANT UPDATE (data) ON events TO votes_api",
    "GRANT INSERT ON events TO votes_reader",
    "GRANT DELETE ON consumers TO votes_projector",
    "GRANT SELECT ON leads TO PUBLIC",
    "GRANT SELECT ON command_results TO votes_reader",
    "GRANT UPDATE ON log TO votes_api",
    "GRANT SELECT ON log TO votes_reader",
    "GRANT SELECT (key) ON people TO votes_projector",
    "GRANT DELETE ON people TO votes_api",
    "GRANT SELECT (address) ON subscriptions TO votes_projector",
    "GRANT SELECT (token) ON subscriptions TO votes_api",
    "GRANT SELECT (address_secret) ON log TO votes_reader",
    "GRANT EXECUTE ON FUNCTION claim_mails TO votes_api",
    "GRANT EXECUTE ON FUNCTION finish_erasures TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION finish TO votes_api",
    "GRANT EXECUTE ON FUNCTION take_lead TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION append_events TO votes_reader",
    "GRANT EXECUTE ON FUNCTION append_whole TO votes_projector",
    "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO votes_projector",
    "GRANT EXECUTE ON FUNCTION lo_create TO PUBLIC",
    "GRANT CREATE ON SCHEMA public TO votes_reader",
    "DROP TRIGGER events_append_only ON events; GRANT DELETE ON events TO votes_api",
)
"""Each a right too many."""


async def wrong(session: asyncpg.Connection, role: str) -> list[str]:
    """What the role of this session may and should not, or may not and should. Nothing stays."""
    expected = {statement: None if role in who else DENIED for statement, who in ALLOWED.items()}
    found = []
    for statement, code in (dict.fromkeys(REFUSED, DENIED) | expected).items():
        got = await _code(session, statement)
        if got != code:
            found.append(f"{role}: {statement}: {got}, expected {code}")
    return found


async def _code(session: asyncpg.Connection, statement: str) -> str | None:
    """The code with which the statement is refused."""
    transaction = session.transaction()
    await transaction.start()
    try:
        await session.execute(statement)
    except asyncpg.PostgresError as error:
        code: str = error.sqlstate
        return code
    finally:
        await transaction.rollback()
    return None
