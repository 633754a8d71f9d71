package drive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

const partitionedLayout = `CREATE TABLE instruments (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, symbol text NOT NULL UNIQUE);
	CREATE TABLE ticks (price float8 NOT NULL, volume float8 NOT NULL, at timestamptz NOT NULL, trade bigint NOT NULL, instrument_id integer NOT NULL,
		PRIMARY KEY (instrument_id, at, trade)) PARTITION BY RANGE (at);
	CREATE TABLE ticks_default PARTITION OF ticks DEFAULT;
	CREATE TABLE bars (instrument_id integer NOT NULL, day date NOT NULL, open float8 NOT NULL, high float8 NOT NULL,
		low float8 NOT NULL, close float8 NOT NULL, volume float8 NOT NULL, PRIMARY KEY (instrument_id, day)) PARTITION BY RANGE (day);
	CREATE TABLE bars_default PARTITION OF bars DEFAULT;
	CREATE TABLE bars_p2025 PARTITION OF bars FOR VALUES FROM ('2025-01-01') TO ('2200-01-01');
	INSERT INTO instruments (symbol) VALUES ('AAPL')`

// divided is a partitioned database with a history and three days of partitions
// from today on, whose operator has a tool that does this and says that.
func divided(t *testing.T, does, says string) (o drive.Operator, today time.Time) {
	t.Helper()
	today = time.Now().UTC().Truncate(24 * time.Hour)
	statements := []string{
		partitionedLayout,
		fmt.Sprintf(`CREATE TABLE ticks_history PARTITION OF ticks FOR VALUES FROM (MINVALUE) TO ('%s')`, today.Format(time.RFC3339)),
		`CREATE FUNCTION tool(verb text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN ` + does + ` RETURN '` + says + `'; END $$`,
	}
	for n := range 3 {
		from := today.AddDate(0, 0, n)
		statements = append(statements, fmt.Sprintf(`CREATE TABLE ticks_p%s PARTITION OF ticks FOR VALUES FROM ('%s') TO ('%s')`,
			from.Format("20060102"), from.Format(time.RFC3339), from.AddDate(0, 0, 1).Format(time.RFC3339)))
	}
	dsn, _ := database(t, statements...)
	return drive.Operator{Tool: self(t), DSN: dsn}, today
}

func TestADayWithoutRoomIsSeen(t *testing.T) {
	t.Parallel()
	o, today := divided(t, ``, `{}`)
	seen, err := o.Room(t.Context(), today.Add(23*time.Hour), 2)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 3}, seen["days without a partition"].Share)
	seen, err = o.Room(t.Context(), today.AddDate(0, 0, -5000), 2)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 3, Of: 3}, seen["days without a partition"].Share, "the bars begin in 2025")

	require.NoError(t, o.TakeAway(t.Context(), today.AddDate(0, 0, 1)))
	require.ErrorContains(t, o.TakeAway(t.Context(), today.AddDate(0, 0, 1)), "have none of their own")
	require.NoError(t, o.Forget(t.Context(), today.AddDate(0, 0, 1), 5, 1))
	require.NoError(t, o.Forget(t.Context(), today, 7, 100))
	require.ErrorContains(t, o.TakeAway(t.Context(), today), "holds rows")
	seen, err = o.Room(t.Context(), today, 4)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 3, Of: 5}, seen["days without a partition"].Share)
	require.Equal(t, &measure.Share{Hits: 5, Of: 12}, seen["rows in the default partition"].Share)
}

func TestADetachThatBreaksOffIsLeftPending(t *testing.T) {
	t.Parallel()
	o, today := divided(t, ``, `{}`)
	require.NoError(t, o.Forget(t.Context(), today, 7, 100))
	require.NoError(t, o.InterruptDetach(t.Context(), today))
	seen, err := o.Room(t.Context(), today, 2)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 5}, seen["detaches left pending"].Share)
	require.Equal(t, &measure.Share{Hits: 1, Of: 3}, seen["days without a partition"].Share)
}

func TestAToolThatLooksAfterThePartitionsBadlyIsSeen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		does          string
		lost, strayed int64
	}{
		"nothing happens": {``, 0, 5},
		"what strayed is brought home": {`CREATE TEMP TABLE strayed AS SELECT * FROM ticks_default; DELETE FROM ticks_default;
			EXECUTE format('CREATE TABLE ticks_new PARTITION OF ticks FOR VALUES FROM (%L) TO (%L)', current_date + 3, current_date + 4);
			INSERT INTO ticks SELECT * FROM strayed;`, 0, 0},
		"what strayed is deleted":         {`DELETE FROM ticks_default;`, 5, 0},
		"a row is altered on the way":     {`UPDATE ticks SET price = 1 WHERE trade = 3;`, 5, 5},
		"a partition is set aside":        {`EXECUTE (SELECT format('ALTER TABLE ticks DETACH PARTITION %s', tableoid::regclass) FROM ticks WHERE trade = 100); EXECUTE format('ALTER TABLE ticks_p%s RENAME TO ticks_kept_1', to_char(current_date, 'YYYYMMDD'));`, 0, 5},
		"a partition is dropped outright": {`EXECUTE (SELECT format('DROP TABLE %s', tableoid::regclass) FROM ticks WHERE trade = 100);`, 7, 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, today := divided(t, `SET LOCAL TimeZone = 'UTC'; `+test.does, `{"created":["ticks_new"],"moved":5}`)
			require.NoError(t, o.Forget(t.Context(), today.AddDate(0, 0, 3), 5, 1))
			require.NoError(t, o.Forget(t.Context(), today, 7, 100))
			seen, kept, err := o.Keep(t.Context(), drive.Upkeep{Verb: "repair", Now: today, Ahead: 2})
			require.NoError(t, err)
			require.Equal(t, drive.Kept{Created: []string{"ticks_new"}, Moved: 5}, kept)
			require.Equal(t, test.lost, seen["rows lost or changed"].Share.Hits)
			require.EqualValues(t, 12, seen["rows lost or changed"].Share.Of)
			require.Equal(t, test.strayed, seen["rows in the default partition"].Share.Hits)
			require.Positive(t, seen["repair, duration"].Amount.Value)
		})
	}
}

func TestAStatusThatWaitsForALockIsMissed(t *testing.T) {
	t.Parallel()
	o, _ := divided(t, `PERFORM count(*) FROM pg_class;`, `{"tables":[{"table":"ticks","partitions":[{"name":"ticks_history"}]}]}`)
	seen, status, err := o.AskStatus(t.Context(), 3, true)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 3}, seen["status answers missed"].Share)
	require.EqualValues(t, 3, seen["status, duration"].Histogram.Count())
	require.Equal(t, &measure.Share{Hits: 3, Of: 4}, seen["partitions not told"].Share)
	require.Equal(t, "ticks", status.Tables[0].Table)

	o, _ = divided(t, `PERFORM count(*) FROM ticks;`, `{}`)
	seen, _, err = o.AskStatus(t.Context(), 1, true)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 1}, seen["status answers missed"].Share)
	require.GreaterOrEqual(t, seen["status, duration"].Histogram.Max(), 5*time.Second)
}

// rivals are two managers beside a tenth of a second of trading.
func rivals(t *testing.T, does string) drive.Outcome {
	t.Helper()
	o, _ := divided(t, does, `{}`)
	prices := market.NewTicks(7, market.Calibration{}, []string{"AAPL"}, time.Now(), time.Millisecond)
	out, err := drive.Rivals{Operator: o, Market: shop(t, o.DSN), Session: drive.Session{
		Schedule: load.Constant(50, time.Second), Prices: prices.Take(50),
	}}.Work(t.Context())
	require.NoError(t, err)
	return out
}

func TestManagersThatGetInEachOthersWayAreSeen(t *testing.T) {
	t.Parallel()
	out := rivals(t, ``)
	require.Zero(t, out.Measures["errors of the managers"].Share.Hits)
	require.Greater(t, out.Measures["errors of the managers"].Share.Of, int64(2))
	require.Zero(t, out.Measures["rows in the default partition"].Share.Hits)
	require.NoError(t, out.Trouble)

	out = rivals(t, `IF NOT pg_try_advisory_lock(1) THEN RAISE 'somebody else is at it'; END IF; PERFORM pg_sleep(0.05);`)
	require.Positive(t, out.Measures["errors of the managers"].Share.Hits)
	require.ErrorContains(t, out.Trouble, "somebody else is at it")
}
