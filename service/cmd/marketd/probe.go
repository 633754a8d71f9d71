package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/probe"
)

// mostWaiting is the share of acquisitions that may have to wait for a
// connection before the probe keeps away.
const mostWaiting = 0.01

// performance composes the probe.
func performance(config *pgx.ConnConfig, member probe.Member, told *ears, watcher *monitor.Service, log *slog.Logger) *probe.Service {
	measuring := probe.New(probe.Config{
		Member: member, Measure: prober(config, log).Measure, Log: log,
		Busy: func() bool { return busy(watcher.Snapshot()) },
	})
	told.changed = append(told.changed, func(document string) {
		if document == probe.Document {
			measuring.Changed()
		}
	})
	return measuring
}

func prober(config *pgx.ConnConfig, log *slog.Logger) probe.Prober {
	settings := servedSettings()
	delete(settings, "statement_timeout") // its own is shorter
	return probe.Prober{Database: config, Settings: settings, Log: log}
}

// busy says that the database has no time for a probe: users wait for
// connections, or it is not well.
func busy(s monitor.Snapshot) bool {
	return s.Status != monitor.Pass || s.Pool.WaitShare != nil && *s.Pool.WaitShare > mostWaiting
}

func newPerformance(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "performance",
		Short: "Measure what the extension brought, or list what it is to reach",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: marketd performance measure, or marketd performance targets")
		},
	}
	command.AddCommand(newPerformanceMeasure(p), newPerformanceTargets(p))
	return command
}

func newPerformanceMeasure(p program) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "measure",
		Short: "Measure once, on this database, as serve does each five minutes",
		Long: "Measure once, on this database, as serve does each five minutes. It takes about a second of the database's\n" +
			"time, and writes to no table that anybody else sees.",
		Args: cobra.NoArgs,
	}
	dsn := databaseFlag(command, p)
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, as GET /api/health/performance answers")
	command.RunE = func(command *cobra.Command, _ []string) error {
		config, err := parseDatabase(*dsn)
		if err != nil {
			return err
		}
		return measurePerformance(command.Context(), p, config.ConnConfig, asJSON)
	}
	return command
}

func measurePerformance(ctx context.Context, p program, config *pgx.ConnConfig, asJSON bool) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return failed{unreachable(config, err)}
	}
	_ = conn.Close(ctx)
	answer := probe.Once(prober(config, slog.New(slog.NewTextHandler(p.err, nil))).Measure(ctx))
	if asJSON {
		return printJSON(p.out, answer)
	}
	return printPerformance(p.out, answer)
}

func printPerformance(out io.Writer, answer probe.Answer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\tbaseline\tcurrent\tratio\t95 % interval\ttarget\tmet")
	for _, m := range answer.Metrics {
		value, interval := "-", "-"
		if m.Value != nil {
			value = figureText(m.Value)
		} else if m.Reason != nil {
			value = *m.Reason
		}
		if m.Interval != nil {
			interval = fmt.Sprintf("%s to %s, %d pairs", figureText(&m.Interval.Low), figureText(&m.Interval.High), m.Interval.Pairs)
		} else if m.Value != nil && m.IntervalReason != nil {
			interval = *m.IntervalReason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, sideText(m.Baseline), sideText(m.Current), value, interval, m.Target, m.Met)
	}
	return table.Flush()
}

func sideText(s probe.Side) string {
	if s.Value == nil {
		return "-"
	}
	return figureText(s.Value) + " " + s.Unit
}

// figureText shows three digits, or all that stand before the point.
func figureText(v *float64) string {
	if *v >= 100 {
		return strconv.FormatFloat(*v, 'f', 0, 64)
	}
	return strconv.FormatFloat(*v, 'g', 3, 64)
}

func newPerformanceTargets(p program) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "targets",
		Short: "List the figures and what they are to reach",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return printJSON(p.out, struct {
					Targets []probe.Target `json:"targets"`
				}{probe.Targets()})
			}
			table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "figure\ttarget\twhat it is")
			for _, t := range probe.Targets() {
				fmt.Fprintf(table, "%s\t%s\t%s\n", t.Metric, t.Words, t.Says)
			}
			return table.Flush()
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return command
}
