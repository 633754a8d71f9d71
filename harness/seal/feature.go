package seal

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// maxFeature is how large a feature file may be, in bytes.
const maxFeature = 4 << 20

// featureFiles are the SHA-256 digests of feature files by the name of the file
// without its directory; directories may hold files of the same name.
type featureFiles map[string][]string

func (f featureFiles) add(name, digest string) {
	f[name] = append(f[name], digest)
	slices.Sort(f[name])
}

// readFeatures digests the feature files below dir; nil for no directory.
func readFeatures(dir string) (featureFiles, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // no directory is a valid choice: nothing is compared
	}
	found := featureFiles{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".feature") {
			return err
		}
		content, err := readFile(name, maxFeature)
		if err != nil {
			return fmt.Errorf("%s: %w", name, reason(err))
		}
		found.add(d.Name(), digest(content))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the features in %s: %w", dir, reason(err))
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s holds no feature files: name the directory that was tested", dir)
	}
	return found, nil
}

// checkFeatures compares the features that were tested with those that the
// verifier has. nil asks for no comparison.
func (v *Verification) checkFeatures(wanted featureFiles, run evidence.Run) {
	if wanted == nil {
		return
	}
	tested := featureFiles{}
	for _, f := range run.Features {
		tested.add(path.Base(f.URI), f.SHA256)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		switch {
		case tested[name] == nil:
			v.deny(FeaturesDiffer, name, "it was not tested")
		case !slices.Equal(tested[name], wanted[name]):
			v.deny(FeaturesDiffer, name, fmt.Sprintf("another content was tested: SHA-256 %s, here it is %s", strings.Join(tested[name], ", "), strings.Join(wanted[name], ", ")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tested)) {
		if wanted[name] == nil {
			v.deny(FeaturesDiffer, name, "it was tested and is not here")
		}
	}
}
