// Package advisory lists the advisory locks that marketd takes in its database,
// so that no two of its parts mean the same one.
package advisory

// The keys, each of one lock for each database.
const (
	// Migration is held by whoever changes the market's schema. Partition
	// managers hold it shared: they exclude it and not one another.
	Migration int64 = 7_306_001 + iota
	// PartitionManager is held by the partition manager that is at work.
	PartitionManager
	// MonitoringSchema is held by whoever makes the schema in which the
	// replicas meet. It is not that of the market's migrations, which may take
	// hours.
	MonitoringSchema
	// Collector is held by the replica that collects.
	Collector
)
