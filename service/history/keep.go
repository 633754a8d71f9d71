package history

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"time"
)

// The SQL of one small step each. The server's clock has a say in what is old,
// so that a clock that jumps ahead neither ends a minute nor deletes a year.
const (
	writeSQL = `insert into monitoring.history_seconds (at, figures)
		select at, figures::jsonb from unnest($1::timestamptz[], $2::text[]) as taken(at, figures)
		on conflict (at) do nothing`

	minutesSQL = `with finished as (
			select distinct date_bin('1 minute', at, timestamptz 'epoch') as at from monitoring.history_seconds
			where at < least($1, date_trunc('minute', now() - interval '15 seconds'))
		), due as (
			select at from finished f
			where not exists (select from monitoring.history_minutes m where m.at = f.at) order by at limit 10
		)
		insert into monitoring.history_minutes (at, figures)
		select due.at, coalesce(jsonb_object_agg(measure, rolled) filter (where measure is not null), '{}')
		from due left join lateral (
			select f.key as measure,
				jsonb_build_array(min(v), least(max(v), greatest(min(v), avg(v))), max(v), count(v)) as rolled
			from monitoring.history_seconds s, jsonb_each(s.figures) f, lateral (select f.value::float8 as v) n
			where s.at >= due.at and s.at < due.at + interval '1 minute' and jsonb_typeof(f.value) = 'number'
			group by f.key
		) r on true group by due.at
		on conflict (at) do nothing`

	hoursSQL = `with finished as (
			select distinct date_bin('1 hour', at, timestamptz 'epoch') as at from monitoring.history_minutes
			where at < least(date_trunc('hour', $1::timestamptz), date_trunc('hour', now() - interval '15 seconds'))
		), due as (
			select at from finished f
			where not exists (select from monitoring.history_hours h where h.at = f.at) order by at limit 5
		)
		insert into monitoring.history_hours (at, figures)
		select due.at, coalesce(jsonb_object_agg(measure, rolled) filter (where measure is not null), '{}')
		from due left join lateral (
			select f.key as measure, jsonb_build_array(min(v.least),
				least(max(v.greatest), greatest(min(v.least), sum(v.mean * v.count) / sum(v.count))), max(v.greatest), sum(v.count)) as rolled
			from monitoring.history_minutes s, jsonb_each(s.figures) f, lateral (
				select (f.value->0)::float8 as least, (f.value->1)::float8 as mean, (f.value->2)::float8 as greatest, (f.value->3)::bigint as count
			) v where s.at >= due.at and s.at < due.at + interval '1 hour'
			group by f.key
		) r on true group by due.at
		on conflict (at) do nothing`

	deleteSQL = `delete from monitoring.%[1]s where at in (
		select at from monitoring.%[1]s where at < least($1, now()) - $2::interval order by at limit %[2]d)`
)

// deleted is how many rows a step deletes at most.
const deleted = 500

// write writes what was taken, and says whether it got into the database. If
// there are no tables, it goes to memory.
func (k *Keeper) write(ctx context.Context, now time.Time) (wrote bool, err error) {
	k.mu.Lock()
	k.forget(now)
	writing := k.pending
	k.pending = nil
	k.mu.Unlock()
	if len(writing) == 0 {
		return false, nil
	}
	if !k.tables() {
		k.memory.add(writing...)
		return false, nil
	}
	at, figures := make([]time.Time, len(writing)), make([]string, len(writing))
	for i, s := range writing {
		encoded, err := json.Marshal(s.figures)
		if err != nil {
			return false, fmt.Errorf("encoding the second %s: %w", s.at, err)
		}
		at[i], figures[i] = s.at, string(encoded)
	}
	_, err = k.exec(ctx, writeSQL, at, figures)
	switch {
	case err == nil:
		return true, nil
	case k.lack(err):
		k.memory.add(writing...)
	default: // they may be written next time, if that is soon
		k.mu.Lock()
		k.pending = append(writing, k.pending...)
		k.mu.Unlock()
	}
	return false, fmt.Errorf("writing what was measured: %w", err)
}

// tidy takes a step of rolling up what ended before until or, when nothing is
// left of that, of deleting, and says whether there is more to do. What is old
// is never deleted before it was rolled up.
func (k *Keeper) tidy(ctx context.Context, now, until time.Time) (more bool, err error) {
	for _, step := range []struct{ what, sql string }{{"minutes", minutesSQL}, {"hours", hoursSQL}} {
		rows, err := k.exec(ctx, step.sql, until)
		if err != nil {
			return true, fmt.Errorf("rolling up %s: %w", step.what, err)
		}
		if rows > 0 {
			return true, nil
		}
	}
	for _, r := range resolutions() {
		rows, err := k.exec(ctx, fmt.Sprintf(deleteSQL, r.table, deleted), now, r.keep+spare)
		if err != nil {
			return true, fmt.Errorf("deleting from %s: %w", r.table, err)
		}
		more = more || rows == deleted
	}
	return more, nil
}

func (k *Keeper) exec(ctx context.Context, sql string, arguments ...any) (rows int64, err error) {
	// Somebody who reads may have the connection for a while.
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	tag, err := k.config.Pool.Exec(ctx, sql, arguments...)
	return tag.RowsAffected(), err
}

// finite leaves out what JSON has no word for.
func finite(figures map[string]float64) map[string]float64 {
	maps.DeleteFunc(figures, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	return figures
}
