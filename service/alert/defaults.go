package alert

import "time"

// runbook is where the project says what to do about a rule of its own.
func runbook(name string) string { return "service/docs/alerts.md#" + name }

// Reachable is the name of the default rule that inhibits all others.
const Reachable = "database_unreachable"

// Defaults is the table of rules that holds where no file says otherwise.
func Defaults() []Rule {
	const minute = time.Minute
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	rules := []Rule{
		{
			Name: Reachable, Measure: unreachable, Direction: Above,
			Critical: &Threshold{Fire: 1, Clear: 0}, For: second(2), KeepFiring: second(5),
			Summary: "The database does not answer.",
		},
		{
			Name: "health_status", Measure: "health.status", Direction: Above,
			Warning: &Threshold{Fire: 1, Clear: 0}, Critical: &Threshold{Fire: 2, Clear: 1}, For: second(30), KeepFiring: second(30),
			Summary: "The database is not healthy: its status is {value}, where 1 is warn and 2 is fail.",
		},
		{
			Name: "pool_usage", Measure: "pool.utilisation", Direction: Above,
			Warning: &Threshold{Fire: 0.8, Clear: 0.7}, Critical: &Threshold{Fire: 0.95, Clear: 0.85}, For: second(5), KeepFiring: second(15),
			Summary: "{value} of the connections for requests are in use.",
		},
		{
			Name: "pool_wait", Measure: "pool.wait_share", Direction: Above,
			Warning: &Threshold{Fire: 0.2, Clear: 0.1}, Critical: &Threshold{Fire: 0.6, Clear: 0.4}, For: second(10), KeepFiring: second(30),
			Samples: &Samples{"pool.acquires_per_second", 1},
			Summary: "{value} of the requests had to wait for a connection.",
		},
		{
			Name: "slow_queries", Measure: "queries.p95_ms", Direction: Above,
			Warning: &Threshold{Fire: 250, Clear: 150}, Critical: &Threshold{Fire: 1000, Clear: 600}, For: second(10), KeepFiring: minute,
			Samples: &Samples{"queries.count", 20},
			Summary: "One statement in twenty takes {value} or more.",
		},
		{
			Name: "slowest_queries", Measure: "queries.p99_ms", Direction: Above,
			Warning: &Threshold{Fire: 1000, Clear: 600}, Critical: &Threshold{Fire: 5000, Clear: 3000}, For: second(10), KeepFiring: minute,
			Samples: &Samples{"queries.count", 100},
			Summary: "One statement in a hundred takes {value} or more.",
		},
		{
			Name: "insert_rate", Measure: "inserts.writing_share_of_baseline", Direction: Below,
			Warning: &Threshold{Fire: 0.5, Clear: 0.7}, Critical: &Threshold{Fire: 0.2, Clear: 0.4}, For: second(20), KeepFiring: second(30),
			Summary: "Prices are stored at {value} of the usual rate while writing.",
		},
		{
			Name: "partition_look_ahead", Measure: "partitions.look_ahead_hours", Direction: Below,
			Warning: &Threshold{Fire: 24, Clear: 36}, Critical: &Threshold{Fire: 6, Clear: 12}, For: minute, KeepFiring: second(10),
			Summary: "There are partitions only for the next {value}.",
		},
		{
			Name: "partition_default_rows", Measure: "partitions.default_rows", Direction: Above,
			Warning: &Threshold{Fire: 1, Clear: 0}, Critical: &Threshold{Fire: 50_000, Clear: 25_000}, For: 2 * minute, KeepFiring: second(10),
			Summary: "{value} lie in default partitions.",
		},
		{
			Name: "partition_capacity", Measure: "partitions.largest_bytes", Direction: Above,
			Warning: &Threshold{Fire: 20 << 30, Clear: 18 << 30}, Critical: &Threshold{Fire: 50 << 30, Clear: 45 << 30},
			For: minute, KeepFiring: minute,
			Summary: "The largest partition has {value}.",
		},
		{
			Name: "cache_hit", Measure: "cache.hit_ratio", Direction: Below,
			Warning: &Threshold{Fire: 0.8, Clear: 0.9}, Critical: &Threshold{Fire: 0.5, Clear: 0.6}, For: minute, KeepFiring: 2 * minute,
			Samples: &Samples{"queries.count", 100},
			Summary: "{value} of the blocks were found in the server's memory.",
		},
		{
			Name: "deadlocks", Measure: "work.deadlocks_last_minute", Direction: Above,
			Warning: &Threshold{Fire: 1, Clear: 0}, Critical: &Threshold{Fire: 10, Clear: 5}, KeepFiring: second(10),
			Summary: "There were {value} in the last minute.",
		},
		{
			Name: "replication_lag", Measure: "replication.lag_ms", Direction: Above,
			Warning: &Threshold{Fire: 10_000, Clear: 5_000}, Critical: &Threshold{Fire: 60_000, Clear: 30_000}, For: second(10), KeepFiring: second(30),
			Summary: "The slowest replica is {value} behind.",
		},
		{
			Name: "wraparound_age", Measure: "wraparound.server_share", Direction: Above,
			Warning: &Threshold{Fire: 1.5, Clear: 1.2}, Critical: &Threshold{Fire: 5, Clear: 4}, For: minute, KeepFiring: minute,
			Summary: "The oldest transaction that is not frozen is {value} of the age at which autovacuum freezes.",
		},
		{
			Name: "server_connections", Measure: "database.connection_share", Direction: Above,
			Warning: &Threshold{Fire: 0.8, Clear: 0.7}, Critical: &Threshold{Fire: 0.95, Clear: 0.9}, For: second(10), KeepFiring: second(30),
			Summary: "{value} of the connections that the server takes are open.",
		},
	}
	for i := range rules {
		rules[i].Runbook = runbook(rules[i].Name)
		if rules[i].Name != Reachable {
			rules[i].InhibitedBy = []string{Reachable}
		}
	}
	return rules
}
