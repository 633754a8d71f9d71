package market

// Query is one statement that a Store puts to a database with the newest
// schema.
type Query struct {
	// Name is what people call it: "latest price".
	Name string `json:"name"`
	// Says is what it is for, in a sentence.
	Says string `json:"says"`
	// SQL is the text as it is executed.
	SQL string `json:"sql"`
	// Parameters are the names of $1, $2 and so on.
	Parameters []string `json:"parameters"`
	// Writes says that it changes what is stored.
	Writes bool `json:"writes"`
}

// Queries is the catalogue of all statements of a Store that the server plans,
// for those who watch over their plans and times: first what traders wait for,
// then what is stored, then what is asked seldom.
func Queries() []Query {
	ticks := []string{"ids", "trade instruments", "trade times", "trade numbers", "trade prices", "trade volumes"}
	bars := []string{"ids", "bar instruments", "bar days", "bar opens", "bar highs", "bar lows", "bar closes", "bar volumes"}
	one := func(of []string) []string { return append([]string{"id"}, of[1:]...) }
	return []Query{
		{
			Name: "latest price", SQL: selectRecent, Parameters: []string{"symbol", "deleted", "since"},
			Says: "The newest price of one instrument, if it traded within a week.",
		},
		{
			Name: "latest price of long ago", SQL: selectLatest, Parameters: []string{"symbol", "deleted"},
			Says: "The newest price of one instrument that did not trade within a week.",
		},
		{
			Name: "prices of a span", SQL: selectTicks, Parameters: []string{"symbol", "deleted", "from", "to", "limit"},
			Says: "The prices of one instrument in a span of time, oldest first.",
		},
		{
			Name: "volume-weighted average", SQL: selectVWAP, Parameters: []string{"symbol", "deleted", "from", "to"},
			Says: "The volume-weighted average price of one instrument in a span of time.",
		},
		{
			Name: "daily bars", SQL: selectBars, Parameters: []string{"symbol", "deleted", "from", "to"},
			Says: "The daily bars of one instrument in a span of time, oldest first.",
		},
		{
			Name: "instruments", SQL: selectInstruments, Parameters: []string{},
			Says: "All instruments by their symbols.",
		},
		{
			Name: "instrument numbers", SQL: selectIDs, Parameters: []string{"symbols"},
			Says: "The numbers of the instruments of a batch, asked once for each instrument.",
		},
		{
			Name: "store a price", SQL: insertTick, Parameters: []string{"id", "trade time", "trade number", "trade price", "trade volume"},
			Writes: true, Says: "Stores a batch of one price.",
		},
		{
			Name: "store prices of one", SQL: insertTicks + ofOne + tickKeys, Parameters: one(ticks), Writes: true,
			Says: "Stores a batch of prices of one instrument.",
		},
		{
			Name: "store prices", SQL: insertTicks + ofAll + tickKeys, Parameters: ticks, Writes: true,
			Says: "Stores a batch of prices of several instruments.",
		},
		{
			Name: "store prices again", SQL: tellTicks, Parameters: ticks, Writes: true,
			Says: "Asked where a batch of prices stored nothing: were they there already, or is an instrument gone?",
		},
		{
			Name: "store bars of one", SQL: insertBars + ofOne, Parameters: one(bars), Writes: true,
			Says: "Stores a batch of daily bars of one instrument.",
		},
		{
			Name: "store bars", SQL: insertBars + ofAll, Parameters: bars, Writes: true,
			Says: "Stores a batch of daily bars of several instruments.",
		},
		{
			Name: "store bars again", SQL: tellBars, Parameters: bars, Writes: true,
			Says: "Asked where a batch of bars stored nothing: were they there already, or is an instrument gone?",
		},
		{
			Name: "register instruments", SQL: registerInstruments, Parameters: []string{"symbols", "names"}, Writes: true,
			Says: "Stores the instruments that are new, unless one of them is deleted.",
		},
		{
			Name: "delete an instrument", SQL: deleteInstrument, Parameters: []string{"symbol"}, Writes: true,
			Says: "Hides an instrument and its data.",
		},
		{
			Name: "restore an instrument", SQL: restoreInstrument, Parameters: []string{"symbol"}, Writes: true,
			Says: "Undoes a deletion.",
		},
		{
			Name: "tables of the market", SQL: selectTables, Parameters: []string{},
			Says: "Which version of the schema is there, asked at the start and after a migration.",
		},
	}
}
