package probe_test

import (
	"testing"

	"github.com/signoff-dev/signoff/service/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
