package drive

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAnswerThatCannotBeMadeDurableIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this machine has no full disk to write to")
	}
	j := &Journal{file: full, prices: inTheBook(1), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go j.write()
	j.Note(0, nil, 0, 0)
	require.ErrorContains(t, j.Close(), "writing the journal")
}
