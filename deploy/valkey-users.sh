#!/bin/sh
# Starts Valkey with a user for the API, one for the worker and one who may do everything. The settings
# go in by standard input: as arguments the passwords would stand in the list of processes.
# src/votes/embedded/servers.py has the same users without passwords.
set -eu
of=${VOTES_REDIS_PREFIX:-votes}
exec docker-entrypoint.sh valkey-server - << CONF
maxmemory-policy noeviction
appendonly yes
user default off
user owner on >$VALKEY_PASSWORD ~* &* +@all

# The API reads the read models and is told of their changes; it counts towards limits by a script, keeps
# pictures, and hands files of bookmarks to another process. It may write in which network somebody votes, and
# not read it. Its scripts have no other rights than itself.
user api on >$VALKEY_API_PASSWORD %R~$of:*:live %R~$of:*:changes %R~$of:*:heartbeat %R~$of:audit %R~$of:{p*}:* ~$of:{limits}:* ~$of:picture:* ~$of:import:* %W~$of:networks:* +@read +@write +@transaction +@connection +eval +evalsha +time -@dangerous -function -scan -randomkey -client +client|setinfo

# The worker writes the read models by its own scripts, and has the queue of jobs (arq).
user worker on >$VALKEY_WORKER_PASSWORD ~$of:* ~arq:* +@read +@write +@transaction +@connection +evalsha +script|load +time +dbsize -@dangerous -function +info -client +client|setinfo
CONF
