package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/seal"
)

func newVerify(p program) *cobra.Command {
	var (
		key, commit, features string
		asJSON                bool
	)
	command := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check a signed report, and judge every objective of it again",
		Long: `Check the signature and the digests of the report in DIR, then judge every
objective again from the raw evidence and compare. The page, the summary and
the JUnit file are drawn again and compared, if this version of signoff made
them. No network is needed.

With --commit, the report must be about that commit, the work tree clean, and
the tested program built from it. With --features, the feature files in that
directory must be the tested ones, byte by byte: none missing, none added.

The answer is allow or deny, with every reason and its code. Without --key the
signature shows that nothing was changed, but not who signed: good enough for a
preview, denied for a release.

Exit code 0 is allow, 1 is deny, 2 means that nothing could be verified.`,
		Example: `  signoff verify out/latest
  signoff verify out/latest --key release.pub --commit "$(git rev-parse HEAD)"
  signoff verify out/latest --key release.pub --features features`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return verify(p, args[0], key, seal.VerifyOptions{Commit: commit, Features: features}, asJSON)
		},
	}
	command.Flags().StringVar(&key, "key", "", "the public key `FILE` of whoever must have signed")
	command.Flags().StringVar(&commit, "commit", "", "the full `SHA` that must have been tested")
	command.Flags().StringVar(&features, "features", "", "the `DIRECTORY` of the features that must have been tested")
	command.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return command
}

func verify(p program, dir, key string, o seal.VerifyOptions, asJSON bool) error {
	o.Tool, o.Local = toolVersion(), seal.LocalPublicKey(keyDirectory(p))
	if key != "" {
		public, err := seal.LoadPublicKey(key)
		if err != nil {
			return exit{exitBroken, err}
		}
		o.Key = &public
	}
	answer, err := seal.Verify(dir, o)
	if err != nil {
		return exit{exitBroken, err}
	}
	if asJSON {
		err = writeJSON(p.out, answer)
	} else {
		err = writeAnswer(p.out, dir, answer)
	}
	if err != nil {
		return exit{exitBroken, fmt.Errorf("writing the answer: %w", err)}
	}
	if !answer.Allow {
		return exit{code: exitFailed}
	}
	return nil
}

func writeJSON(w io.Writer, answer seal.Verification) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

// writeAnswer tells people: one line a reason, deny first.
func writeAnswer(w io.Writer, dir string, answer seal.Verification) error {
	var lines [][4]string
	if answer.Allow {
		lines = append(lines, [4]string{"allow", strings.ToLower(answer.Outcome), dir, signedBy(answer)})
	}
	for _, r := range answer.Reasons {
		lines = append(lines, [4]string{"deny", string(r.Code), r.Where, r.Detail})
	}
	for _, r := range answer.Notes {
		lines = append(lines, [4]string{"note", string(r.Code), r.Where, r.Detail})
	}
	code, where := 0, 0
	for i := range lines {
		for j := range lines[i] {
			lines[i][j] = printable(lines[i][j])
		}
		code = max(code, utf8.RuneCountInString(lines[i][1]))
		where = max(where, utf8.RuneCountInString(lines[i][2]))
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%-5s  %-*s  %-*s  %s\n", line[0], code, line[1], where, line[2], line[3])
	}
	fmt.Fprintf(&b, "       %s\n", recomputed(answer))
	_, err := io.WriteString(w, b.String())
	return err
}

func signedBy(answer seal.Verification) string {
	text := "run " + answer.Run
	if answer.Commit != "" {
		text += " of commit " + answer.Commit
	}
	return text + ", signed by " + answer.Signer
}

func recomputed(answer seal.Verification) string {
	switch {
	case answer.Of == 0:
		return "recomputed nothing: there is no verdict to recompute"
	case answer.Recomputed == answer.Of:
		return fmt.Sprintf("recomputed %d of %d verdicts, all equal", answer.Recomputed, answer.Of)
	case answer.Recomputed == 0:
		return fmt.Sprintf("recomputed 0 of %d verdicts as stated", answer.Of)
	default:
		return fmt.Sprintf("recomputed %d of %d verdicts as stated, the others differ", answer.Recomputed, answer.Of)
	}
}

// printable takes the sting out of text that comes from a file of somebody
// else: no line breaks, and nothing that a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return '?'
		}
	}, text)
}
