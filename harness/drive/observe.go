package drive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// walWritten is how far the write-ahead log has come, in bytes.
const walWritten = `pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint`

// checkpointMarks are figures that move when a checkpoint begins, when it writes
// and when it completes. The first two have a view of their own since 17.
func checkpointMarks(major int) string {
	counted := `(SELECT concat_ws(' ', num_timed + num_requested, buffers_written) FROM pg_stat_checkpointer)`
	if major < 17 {
		counted = `(SELECT concat_ws(' ', checkpoints_timed + checkpoints_req, buffers_checkpoint) FROM pg_stat_bgwriter)`
	}
	return counted + ` || ' ' || (SELECT checkpoint_lsn FROM pg_control_checkpoint())`
}

// observer returns a reader of what the server of the side tells of itself, on
// the side's own connection; nil if it tells nothing. The simple protocol leaves
// alone the statements that the side has prepared. What the server refuses,
// because the user may not see it or the server is a copy, is not asked again.
func (s *Side) observer(ctx context.Context) func(context.Context) (measure.Reading, error) {
	wal, marks := s.told(ctx, walWritten), s.told(ctx, checkpointMarks(s.major()))
	if wal == untold && marks == untold {
		return nil
	}
	sql := "SELECT " + wal + ", coalesce(" + marks + ", '')"
	return func(ctx context.Context) (measure.Reading, error) {
		var r measure.Reading
		if err := s.conn.QueryRow(ctx, sql, pgx.QueryExecModeSimpleProtocol).Scan(&r.WAL, &r.Checkpoint); err != nil {
			return measure.Reading{}, fmt.Errorf("observing the server of the %s side: %w", s.Name, plain(err))
		}
		return r, nil
	}
}

// untold stands for what the server does not tell.
const untold = "NULL"

// told is the expression if the server answers it, and otherwise untold.
func (s *Side) told(ctx context.Context, expression string) string {
	if _, err := s.conn.Exec(ctx, "SELECT "+expression, pgx.QueryExecModeSimpleProtocol); err != nil {
		return untold
	}
	return expression
}

// major is the release of the server, such as 17; 0 if it cannot be read.
func (s *Side) major() int {
	var major int
	if _, err := fmt.Sscanf(s.conn.PgConn().ParameterStatus("server_version"), "%d", &major); err != nil {
		return 0
	}
	return major
}
