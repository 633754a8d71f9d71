-- Every insert pays for every index. Only the identity answers a question
-- that the service asks, and what comes after is quicker with fewer.

-- +goose Up
drop index market_data_symbol;
drop index market_data_at;
drop index market_data_symbol_at;
drop index market_data_at_symbol;
drop index market_data_kind_symbol_at;
drop index market_data_close;

-- +goose Down
create index market_data_symbol on market_data (symbol);
create index market_data_at on market_data (at);
create index market_data_symbol_at on market_data (symbol, at);
create index market_data_at_symbol on market_data (at, symbol);
create index market_data_kind_symbol_at on market_data (kind, symbol, at);
create index market_data_close on market_data (close);
analyze market_data;
