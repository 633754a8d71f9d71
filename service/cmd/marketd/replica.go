package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/pflag"

	"github.com/signoff-dev/signoff/service/replica"
	"github.com/signoff-dev/signoff/service/stream"
)

// replicaOptions are those of serve that are about other marketd on the same
// database.
type replicaOptions struct{ name string }

func (o *replicaOptions) flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.name, "replica-name", "",
		"name of this marketd among those that share the database; default is the host's name, the process id and something random")
}

// check completes the options, or says what is wrong.
func (o *replicaOptions) check() error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(o.name) > 100 || strings.ContainsFunc(o.name, unprintable) {
		return errors.New("--replica-name: must be at most 100 printable bytes")
	}
	if o.name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "marketd"
		}
		o.name = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:4]))
	}
	return nil
}

// ears are who is told what the replicas say, one after another. They are
// complete before the member runs.
type ears struct {
	hear    []func(replica.Message)
	changed []func(document string)
}

// newMember makes this process one of the replicas.
func newMember(database *pgx.ConnConfig, o replicaOptions, log *slog.Logger) (*replica.Member, *ears) {
	var all ears
	return replica.New(replica.Config{
		Database: database, Name: o.name, Log: log,
		Hear: func(m replica.Message) {
			for _, hear := range all.hear {
				hear(m)
			}
		},
		Changed: func(document string) {
			for _, changed := range all.changed {
				changed(document)
			}
		},
	}), &all
}

// runMember lets the member take part until the returned function is called,
// which comes after everything that posts has stopped.
func runMember(ctx context.Context, member *replica.Member) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- member.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

// relay sends what all replicas hear to the clients of this one.
func relay(sockets *stream.Manager) func(replica.Message) {
	return func(m replica.Message) { sockets.Relay(m.Channel, m.Seq, m.At, m.Data) }
}

// remembering returns a component that fills in what was told before this
// process began, as soon as the database says it: then clients that come back
// may come to this replica.
func remembering(member *replica.Member, sockets *stream.Manager) func(context.Context) error {
	return func(ctx context.Context) error {
		retry := time.NewTicker(time.Second)
		defer retry.Stop()
		for channel, most := range map[string]int{
			stream.PerformanceAlert:    stream.KeptAlerts,
			stream.DatabasePerformance: stream.KeptPerformance,
			stream.PartitionStatus:     stream.KeptPartitions,
		} {
			past, err := member.Past(ctx, channel, most)
			for ; err != nil; past, err = member.Past(ctx, channel, most) {
				select {
				case <-retry.C:
				case <-ctx.Done():
					return nil
				}
			}
			messages := make([]stream.Message, len(past))
			for i, m := range past {
				messages[i] = stream.Message(m)
			}
			sockets.Remember(channel, messages)
		}
		return nil
	}
}
