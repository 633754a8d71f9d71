package seal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestWhatPeopleReadIsDrawnFromTheRecord(t *testing.T) {
	key := newKey(t)
	replaced := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("all is well"), 0o644))
		}
	}
	tests := map[string]struct {
		local bool
		spoil func(t *testing.T, dir string)
		tool  string
		where []string
		note  bool
	}{
		"an honest page":                {false, nil, "1.2.3", nil, false},
		"an honest page of a local key": {true, nil, "1.2.3", nil, false},
		"another page":                  {false, replaced(report.PageFile), "1.2.3", []string{report.PageFile}, false},
		"another summary":               {true, replaced(report.SummaryFile), "1.2.3", []string{report.SummaryFile}, false},
		"another JUnit file":            {true, replaced(report.JUnitFile), "1.2.3", []string{report.JUnitFile}, false},
		"a page of another version":     {false, replaced(report.PageFile), "1.2.4", nil, true},
		"nobody asks":                   {false, replaced(report.PageFile), "", nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := record()
			run.Tool.Version = "1.2.3"
			require.NoError(t, evidence.Judge(&run))
			dir := t.TempDir()
			require.NoError(t, report.Write(dir, run, []byte("[]"), report.Signer{KeyID: key.Fingerprint(), Local: test.local}))
			if test.spoil != nil {
				test.spoil(t, dir)
			}
			require.NoError(t, seal.Sign(dir, run, key), "whoever holds the key can sign any page")
			o := pinned(key)
			o.Tool = test.tool
			v := verify(t, dir, o)
			var where []string
			for _, r := range v.Reasons {
				require.Equal(t, seal.PageDiffers, r.Code, "%v", r)
				where = append(where, r.Where)
			}
			require.Equal(t, test.where, where)
			noted := false
			for _, r := range v.Notes {
				noted = noted || r.Code == seal.NotRedrawn
			}
			require.Equal(t, test.note, noted)
		})
	}
}

func TestTheFeaturesAreTheOnesOfTheVerifier(t *testing.T) {
	key := newKey(t)
	const text = "Feature: Prices are kept\n"
	lay := func(t *testing.T, files map[string]string) string {
		dir := t.TempDir()
		for name, content := range files {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
		return dir
	}
	tests := map[string]struct {
		files map[string]string
		where []string
		says  string
	}{
		"the same":               {map[string]string{"ingest.feature": text, "README.md": "x"}, nil, ""},
		"the same, further down": {map[string]string{"a/ingest.feature": text}, nil, ""},
		"another content":        {map[string]string{"ingest.feature": text + " "}, []string{"ingest.feature"}, "another content was tested"},
		"one was never tested":   {map[string]string{"ingest.feature": text, "lag.feature": text}, []string{"lag.feature"}, "it was not tested"},
		"one is gone":            {map[string]string{"lag.feature": text}, []string{"lag.feature", "ingest.feature"}, "it was not tested"},
		"one of a name twice":    {map[string]string{"ingest.feature": text, "b/ingest.feature": text}, []string{"ingest.feature"}, "another content was tested"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := signed(t, key, func(r *evidence.Run) { r.Features[0].SHA256 = report.File{Content: []byte(text)}.Digest() })
			o := pinned(key)
			o.Features = lay(t, test.files)
			v := verify(t, dir, o)
			var where []string
			for _, r := range v.Reasons {
				require.Equal(t, seal.FeaturesDiffer, r.Code)
				where = append(where, r.Where)
			}
			require.Equal(t, test.where, where)
			if test.says != "" {
				require.Contains(t, v.Reasons[0].Detail, test.says)
			}
		})
	}
	dir, _ := signed(t, key)
	o := pinned(key)
	o.Features = t.TempDir()
	_, err := seal.Verify(dir, o)
	require.ErrorContains(t, err, "holds no feature files")
	o.Features = filepath.Join(o.Features, "absent")
	_, err = seal.Verify(dir, o)
	require.ErrorContains(t, err, "absent: no such file or directory")
}
