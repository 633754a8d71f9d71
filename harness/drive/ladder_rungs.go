package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// insertRows is the statement that stores rows, a parameter for each figure.
func (s *Side) insertRows(rows int) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "INSERT INTO %s (%s) VALUES ", s.layout.table, strings.Join(s.layout.copies, ", "))
	parameter := 0
	for row := range rows {
		if row > 0 {
			sql.WriteString(", ")
		}
		for column := range s.layout.copies {
			sql.WriteString([...]string{"(", ", "}[min(column, 1)])
			parameter++
			fmt.Fprintf(&sql, "$%d", parameter)
		}
		sql.WriteString(")")
	}
	return sql.String() + s.passOver()
}

// passOver ends a statement on the side that passes over what it has.
func (s *Side) passOver() string {
	if s.ids == nil {
		return ""
	}
	return "\nON CONFLICT DO NOTHING"
}

// statement sends a batch as one statement.
func (s *Side) statement(sql string, args []any) sending {
	return func(ctx context.Context) (int64, error) {
		tag, err := s.conn.Exec(ctx, sql, args...)
		return tag.RowsAffected(), err
	}
}

func (s *Side) rows(prices []market.Tick) [][]any {
	rows := make([][]any, len(prices))
	for i, p := range prices {
		rows[i] = s.row(p)
	}
	return rows
}

// executor is a connection or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// each sends a statement for each row, one after the other.
func each(ctx context.Context, on executor, sql string, rows [][]any) (kept int64, err error) {
	for _, row := range rows {
		tag, err := on.Exec(ctx, sql, row...)
		if err != nil {
			return kept, err
		}
		kept += tag.RowsAffected()
	}
	return kept, nil
}

func (s *Side) singly(prices []market.Tick) sending {
	sql, rows := s.insertRows(1), s.rows(prices)
	return func(ctx context.Context) (int64, error) { return each(ctx, s.conn, sql, rows) }
}

func (s *Side) together(prices []market.Tick) sending {
	sql, rows := s.insertRows(1), s.rows(prices)
	return func(ctx context.Context) (kept int64, err error) {
		err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
			kept, err = each(ctx, tx, sql, rows)
			return err
		})
		return kept, err
	}
}

func (s *Side) pipelined(prices []market.Tick) sending {
	batch := &pgx.Batch{}
	for _, row := range s.rows(prices) {
		batch.Queue(s.insertRows(1), row...)
	}
	return func(ctx context.Context) (kept int64, err error) {
		answers := s.conn.SendBatch(ctx, batch)
		for range batch.Len() {
			tag, err := answers.Exec()
			if err != nil {
				return kept, errors.Join(err, answers.Close())
			}
			kept += tag.RowsAffected()
		}
		return kept, answers.Close()
	}
}

// mostParameters is how many a statement may have: the protocol counts them in
// 16 bits.
const mostParameters = 1<<16 - 1

func (s *Side) multiRow(size int) (rung, error) {
	if most := mostParameters / len(s.layout.copies); size > most {
		return rung{}, fmt.Errorf("storing prices in batches of %d with one list of values each on the %s side: a statement takes at most %d", size, s.Name, most)
	}
	sql := s.insertRows(size)
	return rung{text: abridged(sql), ready: func(prices []market.Tick) sending {
		args := make([]any, 0, size*len(s.layout.copies))
		for _, row := range s.rows(prices) {
			args = append(args, row...)
		}
		return s.statement(sql, args)
	}}, nil
}

// mostText is how much of a statement the evidence shows, in bytes.
const mostText = 400

// abridged leaves out the middle of a long list of values.
func abridged(sql string) string {
	if len(sql) <= mostText {
		return sql
	}
	first := strings.Index(sql, "), (") + 1
	last := strings.LastIndex(sql, "), (") + 1
	return sql[:first] + ", …" + sql[last:]
}

// copying takes COPY as far as the side can: see StoreBy.
func (s *Side) copying(ctx context.Context) (rung, error) {
	columns := strings.Join(s.layout.copies, ", ")
	if s.ids == nil {
		return rung{
			text: fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", s.layout.table, columns),
			ready: func(prices []market.Tick) sending {
				rows := s.rows(prices)
				return func(ctx context.Context) (int64, error) {
					return s.conn.CopyFrom(ctx, pgx.Identifier{s.layout.table}, s.layout.copies, pgx.CopyFromRows(rows))
				}
			},
		}, nil
	}
	const incoming = "incoming"
	create := fmt.Sprintf("CREATE TEMPORARY TABLE IF NOT EXISTS %s (LIKE %s) ON COMMIT DELETE ROWS", incoming, s.layout.table)
	if _, err := s.conn.Exec(ctx, create); err != nil {
		return rung{}, fmt.Errorf("making a table of the session on the %s side: %w", s.Name, plain(err))
	}
	store := fmt.Sprintf("INSERT INTO %s (%s) SELECT %[2]s FROM pg_temp.%s", s.layout.table, columns, incoming) + s.passOver()
	return rung{
		text: fmt.Sprintf("COPY pg_temp.%s (%s) FROM STDIN (FORMAT binary);\n%s", incoming, columns, store),
		ready: func(prices []market.Tick) sending {
			rows := s.rows(prices)
			return func(ctx context.Context) (kept int64, err error) {
				err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
					if _, err := tx.CopyFrom(ctx, pgx.Identifier{"pg_temp", incoming}, s.layout.copies, pgx.CopyFromRows(rows)); err != nil {
						return err
					}
					tag, err := tx.Exec(ctx, store)
					kept = tag.RowsAffected()
					return err
				})
				return kept, err
			}
		},
	}, nil
}
