package monitor

// Versions of the server as server_version_num tells them.
const (
	version16 = 160000
	version17 = 170000
	version18 = 180000
)

// checkpointSQL asks for the checkpoints: timed, requested, milliseconds of
// writing, milliseconds of syncing, bytes. Version 17 gave them a view of
// their own.
func checkpointSQL(version int) string {
	if version >= version17 {
		return `select num_timed::float8, num_requested::float8, write_time, sync_time,
			buffers_written * current_setting('block_size')::float8 from pg_stat_checkpointer`
	}
	return `select checkpoints_timed::float8, checkpoints_req::float8, checkpoint_write_time, checkpoint_sync_time,
		buffers_checkpoint * current_setting('block_size')::float8 from pg_stat_bgwriter`
}

// ioSQL asks for the bytes of tables and indexes that were read, written,
// added, and written by users' sessions. It is empty below version 16, which
// does not count them. Version 18 counts bytes itself, and those of the WAL
// beside them.
func ioSQL(version int) string {
	switch {
	case version < version16:
		return ""
	case version < version18:
		return `select coalesce(sum(reads * op_bytes), 0)::float8, coalesce(sum(writes * op_bytes), 0)::float8,
			coalesce(sum(extends * op_bytes), 0)::float8,
			coalesce(sum(writes * op_bytes) filter (where backend_type = 'client backend'), 0)::float8
			from pg_stat_io where object in ('relation', 'temp relation')`
	}
	return `select coalesce(sum(read_bytes), 0)::float8, coalesce(sum(write_bytes), 0)::float8,
		coalesce(sum(extend_bytes), 0)::float8,
		coalesce(sum(write_bytes) filter (where backend_type = 'client backend'), 0)::float8
		from pg_stat_io where object in ('relation', 'temp relation')`
}
