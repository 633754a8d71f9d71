CREATE SCHEMA IF NOT EXISTS signoff_history;

-- One row for each run, never changed. The columns are those that are searched;
-- the whole of it is in entry.
CREATE TABLE IF NOT EXISTS signoff_history.entries (
	run         text PRIMARY KEY,
	started     timestamptz NOT NULL,
	profile     text NOT NULL,
	environment text NOT NULL,
	entry       jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_comparable ON signoff_history.entries (profile, environment, started);

-- One row for each time that a name was given; the newest holds.
CREATE TABLE IF NOT EXISTS signoff_history.promotions (
	id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	promoted  timestamptz NOT NULL,
	name      text NOT NULL,
	promotion jsonb NOT NULL
);
