#!/bin/sh
# Run once by the postgres image, on an empty volume. The owner migrates, the API and the worker have
# logins of their own, and the migrations grant each what it needs. What these write, functions of the
# migrations write as `votes_log`, `votes_eraser` and `votes_post`, as which nobody logs in. The
# passwords are read by psql itself: as arguments they would stand in the list of processes.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres << 'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv api_password API_PASSWORD
\getenv projector_password PROJECTOR_PASSWORD
CREATE ROLE votes_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE votes_reader;
CREATE ROLE votes_api LOGIN PASSWORD :'api_password' CONNECTION LIMIT 70 IN ROLE votes_reader;
CREATE ROLE votes_projector LOGIN PASSWORD :'projector_password' CONNECTION LIMIT 20
    IN ROLE votes_reader;
CREATE ROLE votes_log IN ROLE votes_api, votes_projector ROLE votes_owner;
CREATE ROLE votes_eraser ROLE votes_owner;
CREATE ROLE votes_post ROLE votes_owner;
CREATE DATABASE votes OWNER votes_owner;

\connect votes
-- As at the end of the first migration, where the reasons are. Only a superuser can do this.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
            AND proname ~ '^(pg_(cancel|terminate)_backend$|pg_(try_)?advisory_|lo_|lowrite$)'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION pg_terminate_backend TO votes_log;
SQL
