package seal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

// FuzzParseBundle: no text breaks the reader, and whatever it accepts has only
// one meaning: written again and read again it is the same.
func FuzzParseBundle(f *testing.F) {
	f.Add(bundleWith(f, "", ""))
	f.Add([]byte(`{"mediaType":"` + seal.BundleType + `","verificationMaterial":{"publicKey":{"hint":"k"}},"dsseEnvelope":{"payload":"","payloadType":"` + seal.PayloadType + `","signatures":[{"keyid":"k","sig":""}]}}`))
	f.Add([]byte(`{"mediaType":1,"mediaType":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := seal.ParseBundle(text)
		if err != nil {
			require.Equal(t, seal.Envelope{}, e, "what is refused leaves nothing behind")
			return
		}
		again, err := e.Bundle()
		require.NoError(t, err)
		same, err := seal.ParseBundle(again)
		require.NoError(t, err)
		require.Equal(t, e, same)
	})
}

// FuzzParseStatement: whatever is accepted has the known types, a result and
// every subject.
func FuzzParseStatement(f *testing.F) {
	subjects := ""
	for _, name := range seal.Subjects() {
		subjects += `{"name":"` + name + `","digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},`
	}
	f.Add([]byte(`{"_type":"` + seal.StatementType + `","subject":[` + subjects[:len(subjects)-1] + `],"predicateType":"` + seal.PredicateType + `","predicate":{"result":"PASSED","configuration":[]}}`))
	f.Add([]byte(`{"predicate":{"result":"FAILED","Result":"PASSED"}}`))
	f.Add([]byte(`{"subject":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := seal.ParseStatement(payload)
		if err != nil {
			return
		}
		require.Equal(t, seal.StatementType, s.Type)
		require.Equal(t, seal.PredicateType, s.PredicateType)
		require.Contains(t, []string{seal.ResultPassed, seal.ResultWarned, seal.ResultFailed}, s.Predicate.Result)
		require.Len(t, s.Subject, len(seal.Subjects()))
	})
}

// FuzzParseKey: no text breaks the readers of keys, and a text is never both
// halves.
func FuzzParseKey(f *testing.F) {
	key, err := seal.GenerateKey()
	require.NoError(f, err)
	private, err := key.PEM()
	require.NoError(f, err)
	public, err := key.Public().PEM()
	require.NoError(f, err)
	f.Add(private)
	f.Add(public)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		secret, errPrivate := seal.ParseKey(text)
		shown, errPublic := seal.ParsePublicKey(text)
		require.False(t, errPrivate == nil && errPublic == nil)
		if errPrivate == nil {
			require.NotEmpty(t, secret.Fingerprint())
		}
		if errPublic == nil {
			require.NotEmpty(t, shown.Fingerprint())
		}
	})
}

// FuzzRejudge: no report that can be read breaks the judge, and none that it
// finds sound has passed without a gating pass in it.
func FuzzRejudge(f *testing.F) {
	f.Add(everyShape(f))
	f.Add([]byte(`{"format":"` + evidence.Format + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		run, err := report.Decode(text)
		if err != nil {
			return
		}
		differences, err := evidence.Rejudge(run)
		if err != nil || len(differences) > 0 || seal.PredicateOf(run).Result == seal.ResultFailed {
			return
		}
		passes := 0
		for _, feature := range run.Features {
			for _, scenario := range feature.Scenarios {
				for _, o := range scenario.Objectives {
					require.False(t, o.Gating && o.Verdict == objective.Fail)
					if o.Gating && o.Verdict == objective.Pass {
						passes++
					}
				}
			}
		}
		require.True(t, passes > 0 || run.Result.Outcome == evidence.Warned)
	})
}

// everyShape is the report of a run that measured in every shape.
func everyShape(f *testing.F) []byte {
	f.Helper()
	run := record()
	lag := measure.NewHistogram()
	for i := range 2000 {
		lag.Record(time.Duration(i) * time.Microsecond)
	}
	durable := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	pairs := measure.Pairs{
		Unit: "rows/s", First: measure.Order(0, 10), BlockSeconds: 0.1, WarmupPairs: 1,
		Looks: measure.Looks(), Alpha: measure.Alpha, Fitness: &measure.Fitness{},
		BaselineArm: measure.Arm{Settings: durable}, CurrentArm: measure.Arm{Settings: durable},
	}
	for i := range 10 {
		pairs.Baseline, pairs.Current = append(pairs.Baseline, 100+float64(i)), append(pairs.Current, 160-float64(i))
		pairs.Fitness.A, pairs.Fitness.B = append(pairs.Fitness.A, 100+float64(i)), append(pairs.Fitness.B, 109-float64(i))
	}
	s := scenarioOf(&run)
	s.Measures = append(s.Measures,
		measure.Value{Name: "delivery lag", Unit: "ms", Histogram: lag},
		measure.Value{Name: "insert throughput", Pairs: &pairs},
		measure.Value{Name: "sustained inserts", Unit: "a minute", Series: &measure.Series{Width: 10, Windows: []float64{12000, 11000}}},
	)
	s.Objectives = append(s.Objectives,
		evidence.Objective{Measure: "delivery lag, p99", Target: "at most 250 ms"},
		evidence.Objective{Measure: "insert throughput", Target: "at least 20 % faster than baseline"},
		evidence.Objective{Measure: "sustained inserts", Target: "at least 10,000 a minute"},
	)
	run.Proofs = []evidence.Proof{
		{Name: evidence.IdenticalArms, Pairs: proving(run, evidence.IdenticalArms, pairs, 100, 1)},
		{Name: evidence.PlantedSlowdown, Planted: evidence.Planted, Pairs: proving(run, evidence.PlantedSlowdown, pairs, 101, 1/1.2)},
	}
	restate(&run)
	require.NoError(f, evidence.Judge(&run))
	text, err := report.Encode(run)
	require.NoError(f, err)
	return text
}

// proving is an experiment like p that belongs to a proof of run, at that level
// and ratio.
func proving(run evidence.Run, name string, p measure.Pairs, level, ratio float64) measure.Pairs {
	p.Seed, p.Fitness, p.Baseline, p.Current = evidence.SeedOf(run.Seed, name), &measure.Fitness{}, nil, nil
	p.First = measure.Order(p.Seed, 10)
	for i := range 10 {
		steady := level * (1 + float64(i%3)/1000)
		p.Baseline, p.Current = append(p.Baseline, level), append(p.Current, steady*ratio)
		p.Fitness.A, p.Fitness.B = append(p.Fitness.A, level*1.001), append(p.Fitness.B, steady)
	}
	return p
}
