package steps

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
)

func misbehaviourSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^clients misbehave for ([\d,]+) seconds, beside ([\d,]+) who do not, at ([\d,]+) prices a second, and are told:$`,
			Example: "clients misbehave for 75 seconds, beside 10 who do not, at 300 prices a second, and are told:",
			Help: "Opens a line for each row of a table of the columns behaviour and told, and misbehaves on it while the market trades. Compares what each client was told in the end: that it was closed " +
				"with a code, refused with one, or cut off. Who says nothing for a minute is cut off.",
			Yields: []Yield{
				{"misbehaviours not told", "", Amount}, {"close codes that no document explains", "", Share}, {"other clients disconnected", "", Share}, {"prices delivered", "%", Share}, {"prices delivered wrong", "", Share},
			},
			Do: clientsMisbehave,
		},
	}
}

func clientsMisbehave(ctx context.Context, length, beside, rate string, table *godog.Table) error {
	w := worldFrom(ctx)
	rows := cells(table)
	if len(rows) == 0 || !slices.Equal(rows[0], drive.MisbehaviourColumns()) {
		return fmt.Errorf("a table of misbehaviours has the columns %s", strings.Join(drive.MisbehaviourColumns(), ", "))
	}
	prices, lasts, err := w.session(length, rate)
	if err != nil {
		return err
	}
	n, err := number(beside)
	if err != nil {
		return err
	}
	private, token, err := w.private(ctx)
	if err != nil {
		return err
	}
	seen, err := w.market.Misbehave(ctx, drive.Misbehaviour{
		Table: rows[1:], Beside: n, Prices: prices, For: lasts, Private: private, Token: token,
	})
	if err != nil {
		return fmt.Errorf("misbehaving: %w", err)
	}
	return w.measures.Add(seen)
}

// private starts another service on the scenario's database, which talks only
// to those who have the token.
func (w *world) private(ctx context.Context) (m *drive.Market, token string, err error) {
	token = rand.Text()
	service, err := environ.StartService(ctx, environ.ServiceOptions{
		Path: w.bench.config.Service, DSN: w.database, Guard: w.bench.config.Postgres,
		Args: []string{"--private", "--connections", "2"}, Env: []string{"MARKETD_TOKEN=" + token},
	})
	if err != nil {
		return nil, "", fmt.Errorf("starting a private service: %w", err)
	}
	w.later(service.Stop)
	m = drive.NewMarket(service.URL(), connections)
	w.later(func(context.Context) error { m.Close(); return nil })
	return m, token, nil
}
