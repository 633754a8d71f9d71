package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
)

func TestAQueryThatIsCarriedOutInAnotherWayIsTold(t *testing.T) {
	before := []evidence.Query{
		{Name: "latest price", Shape: []string{"Limit", "  Index Scan using ticks_pkey"}},
		{Name: "daily bars", Shape: []string{"Sort"}},
		{Name: "old", Shape: []string{"Result"}},
	}
	after := []evidence.Query{
		{Name: "daily bars", Shape: []string{"Sort"}},
		{Name: "latest price", Shape: []string{"Limit", "  Seq Scan on ticks"}},
		{Name: "new", Shape: []string{"Result"}},
	}
	require.Equal(t, []string{
		"The query \"latest price\" is carried out in another way than before:\n  Limit\n-   Index Scan using ticks_pkey\n+   Seq Scan on ticks",
		`Only the tested release has the query "new".`,
		`Only the release before has the query "old".`,
	}, otherPlans(before, after))
	require.Empty(t, otherPlans(before, before))
}
