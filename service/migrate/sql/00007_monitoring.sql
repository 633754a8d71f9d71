-- The journal of the partition manager: what it did to which partition.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: make partition_events, or take back the one that was kept
-- Locks: none
-- Blocking: nobody
-- +goose StatementBegin
do $$
begin
    if to_regclass('partition_events') is not null then
        return;
    end if;
    if to_regclass('partition_events_kept') is not null then
        call pg_temp.rename_table('partition_events_kept', 'partition_events');
        return;
    end if;
    create table partition_events (
        id        bigint generated always as identity primary key,
        at        timestamptz not null default now(),
        parent    text not null,
        partition text not null,
        action    text not null,
        detail    text not null default ''
    );
end $$;
-- +goose StatementEnd

-- +goose Down
-- Title: keep partition_events beside, or drop it if it is empty
-- Locks: partition_events ACCESS EXCLUSIVE
-- Blocking: readers and writers of partition_events, for milliseconds
-- +goose StatementBegin
do $$
begin
    if to_regclass('partition_events') is null then
        return;
    end if;
    lock table partition_events in access exclusive mode;
    if exists (select from partition_events) then
        call pg_temp.rename_table('partition_events', 'partition_events_kept');
    else
        drop table partition_events;
    end if;
end $$;
-- +goose StatementEnd
