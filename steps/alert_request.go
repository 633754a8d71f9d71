package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
)

// requestTroubles are those that the users of the service feel.
func requestTroubles() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the database stops answering until operators are alerted of it$`,
			Example: "the database stops answering until operators are alerted of it",
			Help:    "Shuts everybody out of the scenario's database, lets them in again as soon as a listener hears the alert, and waits for the all-clear." + told,
			Yields:  alarmYields(),
			Do:      databaseStopsUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^each of the ([\d,]+) connections is kept busy until operators are alerted of it$`,
			Example: "each of the 2 connections is kept busy until operators are alerted of it",
			Help:    "Locks the prices in the database until a price waits on every connection of the service, gives the lock back as soon as a listener hears the alert, and waits for the all-clear." + told,
			Yields:  alarmYields(),
			Do:      connectionsBusyUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^each second ([\d,]+) readers come at once over ([\d,]+) connections until operators are alerted of it$`,
			Example: "each second 32 readers come at once over 16 connections until operators are alerted of it",
			Help:    "Locks the prices for a moment each second, until every connection has a reader who waits for them and the others wait for a connection. When a listener hears the alert the crowds stay away, and so many readers come one by one that the waits no longer count." + told,
			Yields:  alarmYields(),
			Do:      readersQueueUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) of ([\d,]+) questions wait ([\d,]+) ms in the database until operators are alerted of (slow queries|the slowest queries)$`,
			Example: "12 of 60 questions wait 400 ms in the database until operators are alerted of slow queries",
			Help:    "Asks for the latest price that often; the last of these questions come at once and find the prices locked for that long. When a listener hears the alert, so many questions are answered at once that the slow ones no longer count." + told,
			Yields:  alarmYields(),
			Do:      questionsWaitUntilAlerted,
		},
		{
			Keyword: "Given",
			Pattern: `^the market has traded ([\d,]+) prices a second for ([\d,]+) seconds$`,
			Example: "the market has traded 20 prices a second for 310 seconds",
			Help:    "Trades that long, so that the service knows what is usual.",
			Do:      marketHasTraded,
		},
		{
			Keyword: "When",
			Pattern: `^storing a price takes ([\d,]+) ms and more until operators are alerted of it$`,
			Example: "storing a price takes 200 ms and more until operators are alerted of it",
			Help:    "Has nothing stored for a minute, which is how far back the figure looks; then prices come as the market has traded before, and are locked again and again for that long. The trouble has begun with the first price that was stored slowly. When a listener hears the alert the locks stay away, and the trouble counts as over when nothing of it lies within the last minute any more." + told,
			Yields:  alarmYields(),
			Do:      storingSlowUntilAlerted,
		},
	}
}

func databaseStopsUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.alarm(ctx, "database_unreachable", func(drive.AlertRule) drive.Alarm {
		return drive.Alarm{Begin: w.shutOut, End: w.letIn}
	})
}

func (w *world) shutOut(ctx context.Context) error {
	return drive.ShutOut(ctx, w.bench.config.Postgres.DSN(""), w.databaseName())
}

func (w *world) letIn(ctx context.Context) error {
	return drive.LetIn(ctx, w.bench.config.Postgres.DSN(""), w.databaseName())
}

func connectionsBusyUntilAlerted(ctx context.Context, connections string) error {
	w := worldFrom(ctx)
	n, err := number(connections)
	if err != nil {
		return err
	}
	return w.alarm(ctx, "pool_usage", func(drive.AlertRule) drive.Alarm {
		return w.market.BusyPool(drive.Rush{
			Connections: n, Prices: w.prices.Take(n),
			Hold: func(ctx context.Context) (drive.Hold, error) { return drive.HoldPrices(ctx, w.database) },
		})
	})
}

func readersQueueUntilAlerted(ctx context.Context, readers, served string) error {
	w := worldFrom(ctx)
	n, err := numbers(readers, served)
	if err != nil {
		return err
	}
	if n[0] <= n[1] || n[0] > connections {
		return fmt.Errorf("%d readers must be more than %d connections and at most %d", n[0], n[1], connections)
	}
	return w.alarm(ctx, "pool_wait", func(drive.AlertRule) drive.Alarm {
		stall := drive.Stall{DSN: w.database, Symbol: market.Symbols(1)[0], Readers: n[0], Served: n[1], Hold: 100 * time.Millisecond}
		return w.market.Queue(stall, time.Second, 10)
	})
}

// questionsWaitUntilAlerted asks until the slow ones are fewer than the share
// that the figure leaves out, with room to spare.
func questionsWaitUntilAlerted(ctx context.Context, slow, all, ms, what string) error {
	w := worldFrom(ctx)
	n, err := numbers(slow, all, ms)
	if err != nil {
		return err
	}
	if n[0] == 0 || n[0] > n[1] {
		return fmt.Errorf("%d of %d questions cannot wait", n[0], n[1])
	}
	rule, cure := "slow_queries", 20
	if what == "the slowest queries" {
		rule, cure = "slowest_queries", 100
	}
	return w.alarm(ctx, rule, func(drive.AlertRule) drive.Alarm {
		return w.market.SlowQuestions(drive.Stall{
			DSN: w.database, Symbol: market.Symbols(1)[0],
			Readers: n[0], Served: n[0], Hold: time.Duration(n[2]) * time.Millisecond,
		}, n[1]-n[0], cure*n[0])
	})
}

func marketHasTraded(ctx context.Context, rate, length string) error {
	w := worldFrom(ctx)
	n, err := numbers(rate, length)
	if err != nil {
		return err
	}
	if w.market == nil || w.prices == nil {
		return errNoMarket
	}
	w.pace = n[0]
	schedule := load.Constant(float64(n[0]), seconds(n[1]))
	_, err = w.market.Trade(ctx, nil, drive.Session{Schedule: schedule, Prices: w.prices.Take(drive.Due(schedule))})
	return err
}

func storingSlowUntilAlerted(ctx context.Context, ms string) error {
	w := worldFrom(ctx)
	n, err := number(ms)
	if err != nil {
		return err
	}
	if w.pace == 0 {
		return errNoPace
	}
	return w.alarm(ctx, "insert_rate", func(drive.AlertRule) drive.Alarm {
		hold := time.Duration(n) * time.Millisecond
		const most = 4 * 60 // seconds, twice what the trouble, its end and all patience may take
		return w.market.SlowStoring(drive.SlowStoring{
			DSN: w.database, Prices: w.prices.Take(most * w.pace), Rate: float64(w.pace),
			Hold: hold, Every: hold + hold/4, Back: time.Minute,
		})
	})
}

var errNoPace = errors.New(`nobody knows what is usual; begin with "Given the market has traded 20 prices a second for 310 seconds"`)
