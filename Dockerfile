# Two images: the command line, and PgBouncer with the configuration that it prints.
FROM python:3.13-slim-trixie AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.13-slim-trixie AS skilltree
# psql, for `skilltree psql` and deploy/set-up.sh. Debian's version for its release.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/
# psycopg's binary, and what the command line and curricula in YAML need.
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /wheel/*.whl)[binary,cli,yaml]"
COPY deploy/set-up.sh /usr/local/bin/set-up
USER 65534
ENTRYPOINT ["skilltree"]

FROM skilltree AS configuration
RUN skilltree pgbouncer --host postgres --listen 0.0.0.0 > /tmp/pgbouncer.ini

FROM debian:trixie-slim AS pgbouncer
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends pgbouncer && rm -rf /var/lib/apt/lists/*
COPY --from=configuration /tmp/pgbouncer.ini /etc/pgbouncer/pgbouncer.ini
# An unprivileged user: PgBouncer refuses to run as root.
USER 65534
ENTRYPOINT ["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"]
