package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
)

// statementNames are the names under which the monitor counts the statements
// of the market, by their texts.
func statementNames() map[string]string {
	names := map[string]string{}
	for _, q := range market.Queries() {
		names[q.SQL] = q.Name
	}
	return names
}

func writtenBy(store *market.Store) func() monitor.Written {
	return func() monitor.Written {
		rows, took := store.Written()
		return monitor.Written{Rows: rows, Took: took}
	}
}

// partitionsOn looks at the partitions over the monitor's own pool, so that
// it neither waits for the upkeep of the partitions nor holds it up.
func partitionsOn(pool *pgxpool.Pool, keep partition.Keep) func(context.Context) (monitor.Partitions, error) {
	manager := partition.New(partition.Config{Pool: pool, Keep: keep})
	return func(ctx context.Context) (monitor.Partitions, error) {
		status, err := manager.Status(ctx, time.Now())
		if err != nil {
			return monitor.Partitions{}, err
		}
		return summed(status), nil
	}
}

// summed is the state of the partitions in figures.
func summed(status partition.Status) monitor.Partitions {
	all := monitor.Partitions{Tables: []monitor.PartitionedTable{}}
	for _, t := range status.Tables {
		sum := monitor.PartitionedTable{
			Table: t.Table, Partitions: int64(len(t.Partitions)), LookAheadHours: t.LookAheadHours, DefaultRows: t.DefaultRows,
			Gaps: int64(len(t.Gaps)), Overdue: int64(len(t.Overdue)),
			DetachPending: int64(len(t.DetachPending)), Waiting: int64(len(t.Waiting)),
		}
		for _, p := range t.Partitions {
			sum.Bytes += p.Bytes
			sum.LargestBytes = max(sum.LargestBytes, p.Bytes)
		}
		all.Tables = append(all.Tables, sum)
	}
	return all
}
