package partition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

const wholeBound = `{PARTITIONBOUNDSPEC :strategy r :is_default false :modulus 0 :remainder 0 :listdatums <> :lowerdatums ` +
	`({PARTITIONRANGEDATUM :kind 0 :value {CONST :consttype 1184 :consttypmod -1 :constcollid 0 :constlen 8 :constbyval true ` +
	`:constisnull false :location 68 :constvalue 8 [ 0 96 -24 10 71 -22 2 0 ]} :location 68}) :upperdatums ` +
	`({PARTITIONRANGEDATUM :kind 0 :value {CONST :consttype 1184 :consttypmod -1 :constcollid 0 :constlen 8 :constbyval true ` +
	`:constisnull false :location 95 :constvalue 8 [ 0 -64 -65 40 91 -22 2 0 ]} :location 95}) :location 62}`

// The server itself says what each bound is: the two must agree.
func TestBoundsAreReadAsTheServerReadsThem(t *testing.T) {
	pool := opened(t)
	tests := map[string]struct{ parent, from, to string }{
		"a day":             {"ticks", "'2026-11-23 00:00:00+00'", "'2026-11-24 00:00:00+00'"},
		"a microsecond":     {"ticks", "'1969-12-31 23:59:59.999999+00'", "'1970-01-01 00:00:00+00'"},
		"everything before": {"ticks", "minvalue", "'1900-02-28 12:30:00+00'"},
		"everything after":  {"ticks", "'2200-01-01 00:00:00+00'", "maxvalue"},
		"a leap year":       {"bars", "'2028-01-01'", "'2029-01-01'"},
		"an old year":       {"bars", "'0099-01-01'", "'1600-02-29'"},
		"years before":      {"bars", "minvalue", "'0099-01-01'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			execute(t, pool, `create table tried partition of `+test.parent+` for values from (`+test.from+`) to (`+test.to+`)`)
			defer execute(t, pool, `drop table tried`)
			node := one[string](t, pool, `select relpartbound::text from pg_class where relname = 'tried'`)
			from, to, isDefault, err := partition.ParseBound(node)
			require.NoError(t, err)
			require.False(t, isDefault)
			for text, bound := range map[string]time.Time{test.from: from, test.to: to} {
				if text == "minvalue" || text == "maxvalue" {
					require.True(t, bound.Year() < -4000 || bound.Year() > 200000, bound)
				} else {
					require.True(t, bound.Equal(one[time.Time](t, pool, `select `+text+`::timestamptz at time zone 'UTC' at time zone 'UTC'`)), bound)
				}
			}
		})
	}
	_, _, isDefault, err := partition.ParseBound(one[string](t, pool, `select relpartbound::text from pg_class where relname = 'ticks_default'`))
	require.NoError(t, err)
	require.True(t, isDefault)
}

func FuzzBound(f *testing.F) {
	f.Add(wholeBound)
	f.Add(`{PARTITIONBOUNDSPEC :strategy r :is_default true`)
	f.Add(`:lowerdatums ({PARTITIONRANGEDATUM :kind -1 ) :upperdatums ({PARTITIONRANGEDATUM :kind 1 )`)
	f.Fuzz(func(t *testing.T, node string) {
		from, to, isDefault, err := partition.ParseBound(node)
		if err == nil && !isDefault {
			require.GreaterOrEqual(t, from.Year(), -5000)
			require.LessOrEqual(t, to.Year(), 300000)
		}
	})
}
