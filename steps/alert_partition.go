package steps

import (
	"context"

	"github.com/signoff-dev/signoff/harness/drive"
)

// partitionTroubles are those of where prices are kept.
func partitionTroubles() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the partitions of the days ahead are lost until operators are alerted of it$`,
			Example: "the partitions of the days ahead are lost until operators are alerted of it",
			Help:    "Drops the partitions of all days after today and keeps the manager from making them again with a lock, as maintenance might. When a listener hears the alert the lock is given back and the tool makes them." + told,
			Yields:  alarmYields(),
			Do:      daysLostUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) prices of a forgotten day come past the service until operators are alerted of it$`,
			Example: "100 prices of a forgotten day come past the service until operators are alerted of it",
			Help:    "Stores prices of a day without a partition straight in the database, so that they lie in the default partition. When a listener hears the alert the tool puts them in order." + told,
			Yields:  alarmYields(),
			Do:      strayRowsUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^a day grows by ([\d,]+) prices until operators are alerted of it$`,
			Example: "a day grows by 60,000 prices until operators are alerted of it",
			Help:    "Stores that many prices of today straight in the database. When a listener hears the alert the day is emptied." + told,
			Yields:  alarmYields(),
			Do:      fullDayUntilAlerted,
		},
	}
}

func daysLostUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.alarm(ctx, "partition_look_ahead", func(drive.AlertRule) drive.Alarm { return w.operator().LoseDays() })
}

func strayRowsUntilAlerted(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	return w.alarm(ctx, "partition_default_rows", func(drive.AlertRule) drive.Alarm {
		return w.operator().StrayRows(w.bench.opening().AddDate(0, 0, -40), n, forgottenTrade)
	})
}

func fullDayUntilAlerted(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	return w.alarm(ctx, "partition_capacity", func(drive.AlertRule) drive.Alarm {
		return w.operator().FullDay(w.bench.opening(), n, forgottenTrade)
	})
}
