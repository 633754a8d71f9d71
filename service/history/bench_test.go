package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/monitor"
)

// full fills the tables with all that is ever kept: figures of every measure,
// with as many digits as measured ones have.
func full(b testing.TB) *archive {
	b.Helper()
	a := newArchive(b)
	names := []string{}
	for _, m := range monitor.Measures() {
		names = append(names, m.Name)
	}
	a.exec(`insert into monitoring.history_seconds select at, (select jsonb_object_agg(name, case when n % 3 = 0 then to_jsonb(n) else to_jsonb(random() * 100) end)
		from unnest($1::text[]) with ordinality m(name, n) where at is not null)
		from generate_series(date_trunc('second', now()) - interval '2 hours', now(), interval '1 second') at`, names)
	for table, series := range map[string]string{
		"minutes": "date_trunc('minute', now()) - interval '14 days', now(), interval '1 minute'",
		"hours":   "date_trunc('hour', now()) - interval '1094 days', now(), interval '1 hour'",
	} {
		a.exec(`insert into monitoring.history_`+table+` select at, (select jsonb_object_agg(m.name,
				case when n % 3 = 0 then to_jsonb(array_fill(n, array[3]) || 60) else jsonb_build_array(random(), random() * 10, random() * 100, 60) end)
			from unnest($1::text[]) with ordinality m(name, n) where at is not null)
			from generate_series(`+series+`) at`, names)
	}
	a.exec("vacuum analyze")
	return a
}

func BenchmarkTheWidestQuestion(b *testing.B) {
	a := full(b)
	k := keep(b, a.dsn)
	for _, table := range []string{"seconds", "minutes", "hours"} {
		var bytes, rows int64
		require.NoError(b, a.QueryRow(b.Context(), `select pg_total_relation_size(to_regclass($1)), (select count(*) from monitoring.history_`+table+`)`,
			"monitoring.history_"+table).Scan(&bytes, &rows))
		b.Logf("%s: %d rows, %d bytes, %d a row", table, rows, bytes, bytes/rows)
	}
	var measures []string
	for _, m := range monitor.Measures()[:10] {
		measures = append(measures, m.Name)
	}
	for _, q := range []struct{ ago, step time.Duration }{
		{33 * time.Minute, time.Second}, {2 * time.Hour, 5 * time.Second}, {5 * 24 * time.Hour, 5 * time.Minute},
		{14 * 24 * time.Hour, 11 * time.Minute}, {3 * 365 * 24 * time.Hour, 14 * time.Hour},
	} {
		b.Run(fmt.Sprintf("%s by %s", q.ago, q.step), func(b *testing.B) {
			for b.Loop() {
				answer, err := k.Ask(b.Context(), history.Question{Measures: measures, From: time.Now().Add(-q.ago), Step: q.step})
				require.NoError(b, err)
				require.Len(b, answer.Points, 10)
				require.Greater(b, len(answer.Points[0]), 1000)
			}
		})
	}
}
