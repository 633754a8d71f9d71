package evidence

// Against is the version that a run compared the tested one with.
type Against struct {
	Ref     string  `json:"ref"` // as it was asked for: "origin/main"
	Commit  Commit  `json:"commit"`
	Program Program `json:"program"` // built from that commit
}
