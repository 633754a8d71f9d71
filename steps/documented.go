package steps

import (
	"context"
	"fmt"

	"github.com/signoff-dev/signoff/harness/drive"
)

func documentedSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^all that the service says in ([\d,]+) seconds at ([\d,]+) prices a second is compared with its own documents$`,
			Example: "all that the service says in 35 seconds at 5 prices a second is compared with its own documents",
			Help: "Reads the documents in which the service says what it says, listens, talks, asks every question of them, wrong ones among them, once more for what has changed, and in the form of health, and has a session of the database wait for another one, which the " +
				"first alert of the table must tell. The service sends a heartbeat every 30 seconds.",
			Yields: []Yield{
				{"messages that break the service's own document", "", Share}, {"answers that break the service's own document", "", Amount},
				{"kinds of messages never heard", "", Share},
			},
			Do: comparedWithDocuments,
		},
	}
}

func comparedWithDocuments(ctx context.Context, length, rate string) error {
	w := worldFrom(ctx)
	prices, lasts, err := w.session(length, rate)
	if err != nil {
		return err
	}
	if len(w.alerts) == 0 {
		return fmt.Errorf("there is no alert that could be told; begin with %q", replicaSteps()[0].Example)
	}
	seen, err := w.market.CompareWithDocuments(ctx, drive.Documented{
		For: lasts, Prices: prices, Trouble: drive.SessionsWait(w.database, w.alerts[0]),
	})
	if err != nil {
		return fmt.Errorf("comparing what the service says with its documents: %w", err)
	}
	return w.measures.Add(seen)
}
