#!/bin/sh
# Run once by the postgres image, on an empty volume. The owner migrates; the application may not
# change what it wrote, so it is another login, and the migrations grant it what it needs. What it
# writes, a function of the migrations writes as `votes_log`, as which nobody logs in.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=owner_password="$OWNER_PASSWORD" --set=app_password="$APP_PASSWORD" << 'SQL'
CREATE ROLE votes_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE votes_app LOGIN PASSWORD :'app_password';
ALTER ROLE votes_app SET idle_in_transaction_session_timeout = '2s';
ALTER ROLE votes_app SET lock_timeout = '4s';
CREATE ROLE votes_log NOLOGIN;
GRANT votes_log TO votes_owner;
CREATE DATABASE votes OWNER votes_owner;
REVOKE ALL ON DATABASE votes FROM PUBLIC;
GRANT CONNECT ON DATABASE votes TO votes_app;
SQL
