package probe

import "fmt"

// ratio is the unit of every value.
const ratio = "ratio to baseline"

// sides says what is compared, without figures.
func sides(name string) (baseline, current Side) {
	two := func(unit, baseline, current string) (Side, Side) {
		return Side{Unit: unit, What: baseline}, Side{Unit: unit, What: current}
	}
	stock := fmt.Sprintf("%d prices of %d instruments that the probe makes up", stocked, instruments)
	switch name {
	case InsertImprovement:
		return two("rows per second",
			fmt.Sprintf("Batches of %d prices, one statement for each price, into decimals under the 8 indexes of schema version 1, to which %s were added before; in a transaction that is taken back, so that no commit is part of it.", batch, stock),
			"The same batches, one statement for each batch, the service's own, into floats under the one index and the checks of the newest schema, unpartitioned, to which the same were added before; in the same transaction.")
	case FloatSpeedupVWAP, FloatSpeedupSum:
		of := map[string]string{FloatSpeedupVWAP: "The volume-weighted average", FloatSpeedupSum: "The sum of price × volume"}[name]
		return two("ms", of+" of "+stock+", in decimals of schema version 1; for each pair the best of three.", of+" of the same prices, in floats; likewise.")
	case IndexEfficiency:
		return two("ms",
			"The service's own question for a span of one instrument, up to its newest row, with the use of indexes switched off; for each pair the best of three.",
			"The same question as the service asks it; likewise.")
	case IndexSize:
		return two("bytes per row",
			"The 8 indexes of schema version 1 over "+stock+".",
			"The index of the newest schema over the same prices.")
	case PoolEffect:
		return two("ms",
			"Opening a new connection and the first answer over it.",
			"Getting a connection of a pool and an answer over it.")
	case PartitionEfficiency:
		return two("partitions",
			"All partitions of the ticks.",
			"Those that a question for the average price of one day reads, as the server plans it.")
	case PartitionCost:
		return two("planner's cost",
			"What the planner expects the average price of one instrument over all days to cost.",
			"What it expects of the newest day alone.")
	case StorageEfficiency:
		return two("bytes per row",
			"The table of schema version 1 with its 8 indexes, with "+stock+".",
			"The ticks of the newest schema with their index, with the same prices.")
	}
	return Side{}, Side{}
}
