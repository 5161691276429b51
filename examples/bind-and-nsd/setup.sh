#!/bin/sh
# Starts Zoneferry with its PostgreSQL and Valkey, registers a BIND and an NSD, gives each the configuration that Zoneferry prints for
# it, and starts them. May be run again.
set -eu
cd "$(dirname "$0")"
compose=${COMPOSE:-docker compose --project-directory ../.. -f ../../docker-compose.yml -f docker-compose.yml}
zoneferry=${ZONEFERRY:-$compose exec -T zoneferry zoneferry}
bind=${BIND_ADDRESS:-172.30.53.11}
nsd=${NSD_ADDRESS:-172.30.53.12}

$compose up -d --build --wait zoneferry
$zoneferry zone import - <example.com.zone
for name in bind nsd; do
  # a key for each: one that leaks opens nothing of the other
  $zoneferry key show "$name-key" >/dev/null 2>&1 || $zoneferry key add "$name-key" >/dev/null
done
$zoneferry secondary show bind >/dev/null 2>&1 || $zoneferry secondary add bind --address "$bind" --key bind-key
$zoneferry secondary show nsd >/dev/null 2>&1 || $zoneferry secondary add nsd --address "$nsd" --key nsd-key
umask 022
$zoneferry secondary config bind --for bind >bind/conf/zoneferry.conf
$zoneferry secondary config nsd --for nsd >nsd/conf/zoneferry.conf
$compose up -d --build bind nsd

cat <<'TEXT'
Both follow now:
  dig @127.0.0.1 -p 5311 example.com A     # BIND
  dig @127.0.0.1 -p 5312 example.com A     # NSD
TEXT
