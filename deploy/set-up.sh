#!/bin/sh
# Migrates, creates the role of PgBouncer, and sets the passwords of the application and of PgBouncer. For the superuser
# of DATABASE_URL; it can be run again.
set -eu

skilltree migrate

# In the database `postgres`, as `skilltree pgbouncer` says.
{
    skilltree pgbouncer --sql
    cat <<'SQL'
\getenv app_password APP_PASSWORD
\getenv pooler_password POOLER_PASSWORD
alter role skilltree_app password :'app_password';
alter role pgbouncer password :'pooler_password';
SQL
} | skilltree psql -- --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --command='\connect postgres' --file=-
