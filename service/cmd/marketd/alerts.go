package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signoff-dev/signoff/service/alert"
)

// alertOptions are those of serve that are about alerts.
type alertOptions struct {
	rules, state string
	webhooks     []string
}

func (o *alertOptions) flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.rules, "alert-rules", "", "file with rules of alerts, over the defaults; it is read again at SIGHUP; see marketd alerts")
	flags.StringVar(&o.state, "alert-state", "", "file in which alerts survive a restart: those of this marketd, and all where several cannot share them in the database")
	flags.StringArrayVar(&o.webhooks, "alert-webhook", nil, "address that is told of alerts as Alertmanager would tell it; may be given several times")
}

// check reports everything that is wrong with the options but the rules.
func (o *alertOptions) check() error {
	var problems []error
	for _, address := range o.webhooks {
		if _, err := alert.NewWebhook(address, "", nil); err != nil {
			problems = append(problems, fmt.Errorf("--alert-webhook: %w", err)) // the address may be a secret
		}
	}
	if o.state != "" {
		if there, err := os.Stat(filepath.Dir(o.state)); err != nil || !there.IsDir() {
			problems = append(problems, fmt.Errorf("--alert-state %s: its directory does not exist", o.state))
		}
		if there, err := os.Stat(o.state); err == nil && !there.Mode().IsRegular() {
			problems = append(problems, fmt.Errorf("--alert-state %s: is no file", o.state))
		}
	}
	return errors.Join(problems...)
}

// components completes the config with options that were checked, and returns
// the alerts and what is to run.
func (o *alertOptions) components(address net.Addr, config alert.Config) (*alert.Service, []func(context.Context) error) {
	for _, webhook := range o.webhooks {
		if hook, err := alert.NewWebhook(webhook, "http://"+address.String(), config.Log); err == nil {
			config.Webhooks = append(config.Webhooks, hook)
		}
	}
	config.Rules, config.State = o.rules, o.state
	service := alert.New(config)
	running := []func(context.Context) error{service.Run}
	if o.rules != "" {
		running = append(running, reloadAtHangup(service, config.Log))
	}
	return service, running
}

// reloadAtHangup returns a component that reads the rules again whenever the
// process is sent SIGHUP, which from now on does not end it.
func reloadAtHangup(alerts *alert.Service, log *slog.Logger) func(context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return func(ctx context.Context) error {
		defer signal.Stop(hangups)
		for {
			select {
			case <-hangups:
				if err := alerts.Reload(time.Now()); err != nil {
					log.Error("alert rules not taken, the old ones stay", "problems", strings.Split(err.Error(), "\n"))
				} else {
					log.Info("alert rules taken")
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func newAlerts(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "alerts",
		Short: "Check a file with rules of alerts, or list the rules",
		Long: "Check a file with rules of alerts, or list the rules that hold. A file looks like this:\n\n" +
			"  rules:\n" +
			"    - name: pool_usage                    # a default: only what is stated changes\n" +
			"      warning: {fire: 0.7, clear: 0.6}\n" +
			"      for: 30s\n" +
			"    - name: waiting_long                  # a rule of your own\n" +
			"      measure: pool.wait_ms\n" +
			"      direction: above\n" +
			"      warning: {fire: 50, clear: 20}\n" +
			"      critical: {fire: 500, clear: 200}\n" +
			"      for: 10s\n" +
			"      keep_firing_for: 30s\n" +
			"      least_samples: {measure: pool.acquires_per_second, at_least: 1}\n" +
			"      inhibited_by: [database_unreachable]\n" +
			"      summary: Requests wait {value} for a connection.\n" +
			"      runbook: https://wiki.example/waiting\n" +
			"    - name: cache_hit\n" +
			"      disabled: true",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: marketd alerts check FILE, or marketd alerts rules")
		},
	}
	command.AddCommand(newAlertsCheck(p), newAlertsRules(p))
	return command
}

func newAlertsCheck(p program) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Tell everything that is wrong with a file of rules",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			rules, err := alert.ReadRules(args[0])
			if err != nil {
				return failed{err}
			}
			fmt.Fprintf(p.out, "%s is right: %d rules hold with it, %d of them the defaults' names\n",
				args[0], len(rules), len(alert.Defaults()))
			return nil
		},
	}
}

func newAlertsRules(p program) *cobra.Command {
	var asJSON bool
	var file string
	command := &cobra.Command{
		Use:   "rules",
		Short: "List the rules that hold: the defaults, or those with a file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			rules, err := alert.ReadRules(file)
			if err != nil {
				return failed{err}
			}
			if asJSON {
				return printJSON(p.out, struct {
					Rules []alert.Rule `json:"rules"`
				}{rules})
			}
			return printRules(p.out, rules)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	command.Flags().StringVar(&file, "alert-rules", "", "file with rules, over the defaults")
	return command
}

func printRules(out io.Writer, rules []alert.Rule) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rule\tmeasure\twarning\tcritical\tfor\tkeep firing for")
	for _, r := range rules {
		name := r.Name
		if r.Disabled {
			name += " (disabled)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name, r.Measure,
			thresholdText(r, r.Warning), thresholdText(r, r.Critical), r.For, r.KeepFiring)
	}
	return table.Flush()
}

func thresholdText(r alert.Rule, t *alert.Threshold) string {
	if t == nil {
		return "-"
	}
	sign := "≥"
	if r.Direction == alert.Below {
		sign = "≤"
	}
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return sign + " " + plain(t.Fire) + " until " + plain(t.Clear)
}
