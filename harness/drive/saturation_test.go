package drive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

func TestWhatSaturatedIsReadFromWhatWasSeen(t *testing.T) {
	processors := func(busy, service, postgres, generator float64) *drive.Processors {
		return &drive.Processors{Busy: busy, Service: service, Postgres: &postgres, Generator: generator}
	}
	calm := processors(0.4, 0.2, 0.1, 0.1)
	sessions := func(waits map[string]int64) *drive.Sessions { return &drive.Sessions{Looks: 10, Waits: waits} }
	tests := map[string]struct {
		strain drive.Strain
		want   drive.Cause
		says   string
	}{
		"busy processors": {
			drive.Strain{Processors: processors(0.98, 0.55, 0.3, 0.13)}, drive.CauseProcessors,
			"Saturated are the processors: 98 % busy (service 55 %, Postgres 30 %, load generator 13 %).",
		},
		"busy processors explain every wait": {
			drive.Strain{Processors: processors(0.98, 0.55, 0.3, 0.13), Sessions: sessions(map[string]int64{"IO:WalSync": 90})}, drive.CauseProcessors,
			"98 % busy",
		},
		"the load generator was the greatest part": {
			drive.Strain{Processors: processors(0.95, 0.2, 0.2, 0.5)}, drive.CauseProcessors,
			"others 5 %). The load generator took most of that: the service alone may hold more.",
		},
		"others were the greatest part": {
			drive.Strain{Processors: processors(1, 0.1, 0.1, 0.1)}, drive.CauseProcessors,
			"others 70 %). Programs that have no part in this took most of that: the service alone may hold more.",
		},
		"Postgres runs elsewhere": {
			drive.Strain{Processors: &drive.Processors{Busy: 0.92, Service: 0.7, Generator: 0.2}}, drive.CauseProcessors,
			"92 % busy (service 70 %, load generator 20 %, others 2 %), with Postgres on another host or out of sight.",
		},
		"the WAL, as Postgres 16 calls it": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"IO:WALSync": 30, "LWLock:WALWrite": 30, "": 40})}, drive.CauseWAL,
			"Saturated is the server, by WAL flush: of 10.0 sessions at work, 40 % ran, 30 % waited for IO:WALSync, 30 % waited for LWLock:WALWrite; 40 % busy",
		},
		"the WAL, as Postgres 17 calls it": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"IO:WalSync": 6, "": 4})}, drive.CauseWAL, "60 % waited for IO:WalSync",
		},
		"locks": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"Lock:transactionid": 3, "Lock:tuple": 3, "IO:WalSync": 4})}, drive.CauseLocks, "by locks",
		},
		"the disk": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"IO:DataFileRead": 6, "": 4})}, drive.CauseStorage, "by storage",
		},
		"latches": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"LWLock:BufferContent": 6, "": 4})}, drive.CauseServer, "by waits inside the server",
		},
		"waiting for the client is not work": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"Client:ClientRead": 10})}, drive.CauseNone, "Nothing that was watched was at its limit",
		},
		"the pool was used up": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"": 10}), Pool: &drive.Pool{Used: 16, Of: 16, Waited: 0.8}}, drive.CausePool,
			"Saturated is the service's connection pool: 16 of the service's 16 connections in use, and 80 % of requests waited for one",
		},
		"what uses the pool up is what saturated": {
			drive.Strain{Processors: calm, Sessions: sessions(map[string]int64{"IO:WalSync": 10}), Pool: &drive.Pool{Used: 16, Of: 16, Waited: 0.8}}, drive.CauseWAL, "",
		},
		"nothing was at its limit": {
			drive.Strain{Processors: calm, Sessions: sessions(nil), Pool: &drive.Pool{Used: 1, Of: 16}}, drive.CauseNone, "no session of the server was at work in 10 looks",
		},
		"a host that does not tell": {
			drive.Strain{Sessions: sessions(map[string]int64{"": 10}), Pool: &drive.Pool{Used: 1, Of: 16}}, drive.CauseUnknown,
			"What saturated cannot be told: the processors of this host cannot be watched; of 1.0 sessions at work, 100 % ran; 1 of the service's 16 connections",
		},
		"a host that does not tell, and a server that does": {
			drive.Strain{Sessions: sessions(map[string]int64{"Lock:tuple": 10})}, drive.CauseLocks, "the processors of this host cannot be watched",
		},
		"nothing could be watched": {
			drive.Strain{}, drive.CauseUnknown, "neither this host nor the server nor the service could be watched",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cause, says := test.strain.Diagnose()
			require.Equal(t, test.want, cause, says)
			require.Contains(t, says, test.says)
		})
	}
}
