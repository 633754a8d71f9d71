package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/seal"
)

func newKeygen(p program) *cobra.Command {
	prefix := "signoff"
	command := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key that signs runs",
		Long: `Make an ECDSA P-256 key pair: PREFIX.key signs and stays secret, PREFIX.pub
verifies and may be shown to anyone. An existing file is never replaced.`,
		Example: "  signoff keygen --out release",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return keygen(p, prefix)
		},
	}
	command.Flags().StringVar(&prefix, "out", prefix, "write `PREFIX`.key and PREFIX.pub")
	return command
}

func keygen(p program, prefix string) error {
	key, err := seal.GenerateKey()
	if err != nil {
		return exit{exitBroken, err}
	}
	private, public, err := key.Save(prefix)
	if err != nil {
		return exit{exitBroken, err}
	}
	_, err = fmt.Fprintf(p.out, `private key  %s  (only you can read it; never commit it)
public key   %s  (give it to whoever verifies)
fingerprint  %s

Sign with it:    signoff run --key %s
Verify with it:  signoff verify --key %s out/latest
`, private, public, key.Fingerprint(), private, public)
	return err
}
