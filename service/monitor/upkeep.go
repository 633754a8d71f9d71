package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// position is where the WAL of this server ends.
const position = `case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end`

func (l *look) readReplication(ctx context.Context, conn *pgx.Conn, _ time.Time) error {
	r := Replication{Replicas: []Replica{}, Slots: []Slot{}}
	var standby bool
	if err := conn.QueryRow(ctx, `select pg_is_in_recovery(), case when pg_is_in_recovery()
			then 1000 * extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end`,
	).Scan(&standby, &r.ReplayDelayMS); err != nil {
		return fmt.Errorf("reading the role of the server: %w", err)
	}
	r.Standby = &standby
	rows, err := conn.Query(ctx, `select coalesce(nullif(application_name, ''), 'unnamed'), coalesce(state, 'unknown'),
			coalesce(sync_state, 'unknown'), pg_wal_lsn_diff(`+position+`, replay_lsn)::bigint,
			1000 * extract(epoch from replay_lag)::float8
		from pg_stat_replication order by 1, pid`)
	if err != nil {
		return fmt.Errorf("reading pg_stat_replication: %w", err)
	}
	if r.Replicas, err = pgx.AppendRows(r.Replicas, rows, func(row pgx.CollectableRow) (f Replica, err error) {
		err = row.Scan(&f.Name, &f.State, &f.Sync, &f.LagBytes, &f.LagMS)
		if f.LagBytes != nil {
			*f.LagBytes = max(0, *f.LagBytes) // it moved on while we asked
			if *f.LagBytes == 0 && f.LagMS == nil {
				f.LagMS = new(float64) // the server measures none when nothing is written
			}
		}
		return f, err
	}); err != nil {
		return fmt.Errorf("reading pg_stat_replication: %w", err)
	}
	rows, err = conn.Query(ctx, `select slot_name, active, pg_wal_lsn_diff(`+position+`, restart_lsn)::bigint,
		coalesce(wal_status, 'unknown') from pg_replication_slots order by 1`)
	if err != nil {
		return fmt.Errorf("reading pg_replication_slots: %w", err)
	}
	if r.Slots, err = pgx.AppendRows(r.Slots, rows, func(row pgx.CollectableRow) (s Slot, err error) {
		err = row.Scan(&s.Name, &s.Active, &s.RetainedBytes, &s.Status)
		if s.RetainedBytes != nil {
			*s.RetainedBytes = max(0, *s.RetainedBytes)
		}
		return s, err
	}); err != nil {
		return fmt.Errorf("reading pg_replication_slots: %w", err)
	}
	l.now.Replication = r
	return nil
}

func (l *look) readWraparound(ctx context.Context, conn *pgx.Conn, _ time.Time) error {
	const sql = `with bound as (
			select current_setting('autovacuum_freeze_max_age')::float8 as xid,
				current_setting('autovacuum_multixact_freeze_max_age')::float8 as multixact
		), oldest as (
			select c.oid::regclass::text as name, age(c.relfrozenxid)::bigint as age from pg_class c
			where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0' order by 2 desc, 1 limit 1)
		select age(d.datfrozenxid)::bigint, age(d.datfrozenxid) / bound.xid,
			mxid_age(d.datminmxid)::bigint, mxid_age(d.datminmxid) / bound.multixact,
			(select max(age(datfrozenxid)) / bound.xid from pg_database), oldest.name, oldest.age,
			(select case when pg_has_role('pg_read_all_stats', 'usage') then count(*) end from pg_stat_activity
				where backend_type = 'autovacuum worker' and datname = current_database())
		from bound, pg_database d left join oldest on true where d.datname = current_database()`
	var w Wraparound
	if err := conn.QueryRow(ctx, sql).Scan(&w.Age, &w.Share, &w.MultixactAge, &w.MultixactShare, &w.ServerShare,
		&w.OldestTable, &w.OldestTableAge, &w.Vacuums); err != nil {
		return fmt.Errorf("reading the age of transactions: %w", err)
	}
	l.now.Wraparound = w
	return nil
}

// Why pg_stat_statements says nothing.
const (
	statementsUsed         = "pg_stat_statements"
	statementsNotInstalled = "not installed"
	statementsNotLoaded    = "not loaded"
	statementsNotPermitted = "not permitted"
	statementsUnknown      = "unknown"
)

func (l *look) readStatements(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	var schema string
	err := conn.QueryRow(ctx, `select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
		where e.extname = 'pg_stat_statements'`).Scan(&schema)
	if errors.Is(err, pgx.ErrNoRows) {
		l.now.Statements = Statements{Source: statementsNotInstalled, Top: []ServerStatement{}}
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for pg_stat_statements: %w", err)
	}
	err = l.readServerStatements(ctx, conn, pgx.Identifier{schema, "pg_stat_statements"}.Sanitize(), at)
	const notLoaded, notPermitted = "55000", "42501"
	var answer *pgconn.PgError
	if errors.As(err, &answer) && (answer.Code == notLoaded || answer.Code == notPermitted) {
		l.now.Statements = Statements{Source: statementsNotLoaded, Top: []ServerStatement{}}
		if answer.Code == notPermitted {
			l.now.Statements.Source = statementsNotPermitted
		}
		return nil
	}
	return err
}

// readServerStatements calls the function below the view, which can leave out
// the texts: they are in a file, and may hold what nobody should see.
func (l *look) readServerStatements(ctx context.Context, conn *pgx.Conn, function string, at time.Time) error {
	rows, err := conn.Query(ctx, `with found as materialized (
			select queryid, calls, total_exec_time, mean_exec_time, max_exec_time from `+function+`(false)
			where dbid = (select oid from pg_database where datname = current_database()))
		select (select sum(calls)::float8 from found), (select sum(total_exec_time) from found),
			coalesce(queryid, 0)::text, calls, total_exec_time, mean_exec_time, max_exec_time
		from found order by total_exec_time desc limit 5`)
	if err != nil {
		return err
	}
	s := Statements{Source: statementsUsed, Top: []ServerStatement{}}
	var calls, total float64
	var q ServerStatement
	if _, err := pgx.ForEachRow(rows, []any{&calls, &total, &q.QueryID, &q.Calls, &q.TotalMS, &q.MeanMS, &q.MaxMS}, func() error {
		s.Top = append(s.Top, q)
		return nil
	}); err != nil {
		return fmt.Errorf("reading pg_stat_statements: %w", err)
	}
	c := &l.server.statements
	c.add(at, calls, total)
	s.CallsPerSecond, s.MeanMS = c.perSecond(0), ratio(c.grown(1), c.grown(0))
	l.now.Statements = s
	return nil
}
