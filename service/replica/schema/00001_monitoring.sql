-- What the replicas of marketd share. It lies in a schema of its own and apart
-- from the market's migrations: what watches a rollback must survive it.

-- +goose Up
-- Who holds the advisory lock, and when it last said so. Each new holder counts
-- the term up; whoever writes for the collector names its term.
create table monitoring.collector (
    one     boolean primary key default true check (one),
    term    bigint not null,
    name    text not null,
    pid     integer not null,
    beat_at timestamptz not null
);
create table monitoring.channels (
    channel text primary key,
    seq     bigint not null
);
create table monitoring.messages (
    channel text not null,
    seq     bigint not null,
    at      timestamptz not null,
    data    json not null,
    primary key (channel, seq)
);
create table monitoring.documents (
    name       text primary key,
    changed_at timestamptz not null default now(),
    body       json not null
);
create table monitoring.members (
    name    text primary key,
    seen_at timestamptz not null,
    body    json not null
);
-- One row for each second, minute and hour: {"measure": value} in seconds,
-- {"measure": [least, mean, greatest, count]} in the others.
create table monitoring.history_seconds (
    at      timestamptz primary key,
    figures jsonb not null
);
create table monitoring.history_minutes (
    at      timestamptz primary key,
    figures jsonb not null
);
create table monitoring.history_hours (
    at      timestamptz primary key,
    figures jsonb not null
);

-- +goose Down
drop table monitoring.history_hours, monitoring.history_minutes, monitoring.history_seconds,
    monitoring.members, monitoring.documents, monitoring.messages, monitoring.channels, monitoring.collector;
