package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// serverTroubles are those of the database server as a whole.
func serverTroubles() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the server's own lists of tables are locked until operators are alerted of it$`,
			Example: "the server's own lists of tables are locked until operators are alerted of it",
			Help:    "Locks the catalogues in which the server keeps its tables, as a rewrite of them does, so that part of the health cannot be read. When a listener hears the alert the lock is given back." + told,
			Yields:  alarmYields(),
			Do:      listsLockedUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^somebody reads an archive that memory does not hold, beside ([\d,]+) questions, until operators are alerted of it$`,
			Example: "somebody reads an archive that memory does not hold, beside 120 questions, until operators are alerted of it",
			Help:    "Reads a table ten times over that is too large for the server to keep in memory. When a listener hears the alert, something small is read so often that the cold reads no longer count." + told,
			Yields:  alarmYields(),
			Do:      coldCacheUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^two sessions wait for each other until operators are alerted of it$`,
			Example: "two sessions wait for each other until operators are alerted of it",
			Help:    "Has two sessions lock an instrument each and then ask for that of the other, so that the server ends one of them. The trouble counts as over when a minute has passed, which is how far back the figure looks." + told,
			Yields:  alarmYields(),
			Do:      deadlockUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^a standby stops applying what it receives until operators are alerted of it$`,
			Example: "a standby stops applying what it receives until operators are alerted of it",
			Help:    "Follows the server as a standby does, by its own protocol for that, receives what is written, but says that it applies nothing more, until that is as late as the table's lowest limit. When a listener hears the alert it applies all." + told,
			Yields:  alarmYields(),
			Do:      standbyLagsUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) transactions are made until operators are alerted of it$`,
			Example: "300,000 transactions are made until operators are alerted of it",
			Help:    "Uses up so many transaction numbers, each in a transaction that is committed. When a listener hears the alert every database of the server is vacuumed." + told,
			Yields:  alarmYields(),
			Do:      transactionsAgeUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^others take the connections of the server until operators are alerted of it$`,
			Example: "others take the connections of the server until operators are alerted of it",
			Help:    "Opens connections up to the share that the table's lowest limit is. When a listener hears the alert they are closed." + told,
			Yields:  alarmYields(),
			Do:      connectionsTakenUntilAlerted,
		},
	}
}

// errOthersServer is of a trouble that others on the server would feel.
var errOthersServer = errors.New(`this server is needed by others; begin with "Given a market of 20 instruments on a server of its own, whose operators are alerted as follows:"`)

func listsLockedUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.alarm(ctx, "health_status", func(drive.AlertRule) drive.Alarm { return drive.LockedLists(w.database) })
}

func coldCacheUntilAlerted(ctx context.Context, questions string) error {
	w := worldFrom(ctx)
	n, err := number(questions)
	if err != nil {
		return err
	}
	return w.alarm(ctx, "cache_hit", func(drive.AlertRule) drive.Alarm {
		return w.market.ColdCache(w.database, market.Symbols(1)[0], n)
	})
}

func deadlockUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.alarm(ctx, "deadlocks", func(drive.AlertRule) drive.Alarm { return drive.Deadlock(w.database, time.Minute) })
}

func standbyLagsUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	if w.server == nil {
		return errOthersServer
	}
	return w.alarm(ctx, "replication_lag", func(rule drive.AlertRule) drive.Alarm {
		return w.market.LaggingStandby(w.database, time.Duration(rule.Lowest().Fire)*time.Millisecond, w.prices)
	})
}

func transactionsAgeUntilAlerted(ctx context.Context, transactions string) error {
	w := worldFrom(ctx)
	n, err := number(transactions)
	if err != nil {
		return err
	}
	if n == 0 || n > 50_000_000 {
		return fmt.Errorf("write 1 to 50,000,000 transactions instead of %s", transactions)
	}
	if w.server == nil {
		return errOthersServer
	}
	return w.alarm(ctx, "wraparound_age", func(drive.AlertRule) drive.Alarm { return drive.OldTransactions(w.database, n) })
}

func connectionsTakenUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.alarm(ctx, "server_connections", func(rule drive.AlertRule) drive.Alarm {
		return drive.Crowd(w.database, rule.Lowest().Fire)
	})
}
