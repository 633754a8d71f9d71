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

// plannedStatements are those of the market whose plans may be asked for.
func plannedStatements() []monitor.CataloguedStatement {
	queries := market.Queries()
	statements := make([]monitor.CataloguedStatement, len(queries))
	for i, q := range queries {
		statements[i] = monitor.CataloguedStatement{Name: q.Name, SQL: q.SQL, Parameters: len(q.Parameters)}
	}
	return statements
}

func writtenBy(store *market.Store) func() monitor.Written {
	return func() monitor.Written {
		rows, took := store.Written()
		return monitor.Written{Rows: rows, Took: took}
	}
}

// partitionsOn looks at the partitions over the monitor's own pool, so that
// it neither waits for the upkeep of the partitions nor holds it up.
func partitionsOn(pool *pgxpool.Pool, keep partition.Keep) func(context.Context) (monitor.PartitionStatus, error) {
	manager := partition.New(partition.Config{Pool: pool, Keep: keep})
	return func(ctx context.Context) (monitor.PartitionStatus, error) {
		status, err := manager.Status(ctx, time.Now())
		if err != nil {
			return monitor.PartitionStatus{}, err
		}
		return watchedPartitions(status), nil
	}
}

// watchedPartitions puts the state of the partitions into the monitor's words.
func watchedPartitions(status partition.Status) monitor.PartitionStatus {
	all := monitor.PartitionStatus{SchemaVersion: status.SchemaVersion, Tables: []monitor.PartitionStatusTable{}}
	for _, t := range status.Tables {
		table := monitor.PartitionStatusTable{
			Table: t.Table, Interval: t.Interval, LookAheadHours: t.LookAheadHours, DefaultRows: t.DefaultRows,
			Gaps: []monitor.PartitionGap{}, Kept: t.Kept, Overdue: t.Overdue, DetachPending: t.DetachPending,
			Waiting: t.Waiting, LeftOver: t.LeftOver, Partitions: []monitor.Partition{},
		}
		for _, gap := range t.Gaps {
			table.Gaps = append(table.Gaps, monitor.PartitionGap(gap))
		}
		for _, p := range t.Partitions {
			table.Partitions = append(table.Partitions, monitor.Partition(p))
		}
		all.Tables = append(all.Tables, table)
	}
	return all
}
