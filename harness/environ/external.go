package environ

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// external is a server that somebody else runs.
type external struct {
	o       Options
	address string
}

func (external) name() string { return External }

func (e external) probe(ctx context.Context) (string, error) {
	a, err := parseAddress(e.address)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, a.dsn(""))
	if err != nil {
		return "", a.plain(err)
	}
	return fmt.Sprintf("the server at %s", a), conn.Close(ctx)
}

func (e external) start(context.Context, *keeper) (*server, error) {
	a, err := parseAddress(e.address)
	if err != nil {
		return nil, err
	}
	return &server{address: a, stop: func(context.Context) error { return nil }}, nil
}
