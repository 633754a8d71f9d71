-- Every insert pays for every index. Only the identity answers a question
-- that the service asks, and what comes after is quicker with fewer.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: drop market_data_symbol
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_symbol;

-- Title: drop market_data_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_at;

-- Title: drop market_data_symbol_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_symbol_at;

-- Title: drop market_data_at_symbol
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_at_symbol;

-- Title: drop market_data_kind_symbol_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_kind_symbol_at;

-- Title: drop market_data_close
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
drop index concurrently if exists market_data_close;

-- +goose Down
-- Title: build market_data_symbol
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_symbol
create index concurrently if not exists market_data_symbol on market_data (symbol);

-- Title: build market_data_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_at
create index concurrently if not exists market_data_at on market_data (at);

-- Title: build market_data_symbol_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_symbol_at
create index concurrently if not exists market_data_symbol_at on market_data (symbol, at);

-- Title: build market_data_at_symbol
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_at_symbol
create index concurrently if not exists market_data_at_symbol on market_data (at, symbol);

-- Title: build market_data_kind_symbol_at
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_kind_symbol_at
create index concurrently if not exists market_data_kind_symbol_at on market_data (kind, symbol, at);

-- Title: build market_data_close
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody; it waits for transactions that are open
-- Patience: 10m
-- Index: market_data_close
create index concurrently if not exists market_data_close on market_data (close);

-- Title: gather statistics
-- Locks: market_data SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
analyze market_data;
