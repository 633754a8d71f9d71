package environ

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/client"
)

// Option is one provider and whether it can be used here.
type Option struct {
	Name   string
	Usable bool
	Why    string // what it would use, or why it cannot
	WayOut string // what makes it usable; empty when it is
	Chosen bool   // it is what [Start] would use with these options
}

// Survey looks at every provider without starting any, in the order of "auto",
// and marks the one that these options lead to; none is marked when that one
// cannot be used. Its error says what is wrong with the options.
func Survey(ctx context.Context, o Options) ([]Option, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	all := o
	all.Choice = auto
	if isAddress(o.Choice) {
		all.DatabaseURL = o.Choice
	}
	var options []Option
	if all.DatabaseURL == "" {
		options = append(options, Option{
			Name: External, Why: "no address is given",
			WayOut: "pass --postgres postgres://user@host/database, or set DATABASE_URL",
		})
	}
	for _, p := range all.providers() {
		options = append(options, look(ctx, p))
	}
	chooseFrom(options, o.Choice)
	return options, nil
}

// Daemon names the container daemon and its version, or says why there is none.
func Daemon(ctx context.Context) (string, error) {
	d, err := findDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer d.client.Close()
	version, err := d.client.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", noDaemon(d.host, err)
	}
	return fmt.Sprintf("version %s at %s", version.Version, d.host), nil
}

func look(ctx context.Context, p provider) Option {
	found, err := p.probe(ctx)
	if err == nil {
		return Option{Name: p.name(), Usable: true, Why: found}
	}
	var u unusable
	if errors.As(err, &u) {
		return Option{Name: p.name(), Why: u.why, WayOut: u.wayOut}
	}
	return Option{Name: p.name(), Why: err.Error()}
}

// chooseFrom marks the option that the choice leads to, if it is usable.
func chooseFrom(options []Option, choice string) {
	for i := range options {
		wanted := choice == "" || choice == auto || choice == options[i].Name ||
			isAddress(choice) && options[i].Name == External
		if wanted && options[i].Usable {
			options[i].Chosen = true
			return
		}
	}
}
