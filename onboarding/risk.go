package onboarding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
)

// A riskRecord is the person's answer to the one question about permissions,
// and the peers that are gated only because it was missing.
type riskRecord struct {
	Answer  string        `json:"answer"` // "yes", "no", "" when never asked
	Waiting []iapeer.Name `json:"gatedUntilYes,omitempty"`
}

// RiskPath is where the answer is kept. The CLI asks on a terminal while there
// is no answer in it.
func RiskPath(p iapeer.Paths) string { return filepath.Join(p.State(), "risk.json") }

// RiskAnswer returns what the person said about agents that act without asking:
// "yes", "no", or "" when they were never asked.
func RiskAnswer(p iapeer.Paths) (string, error) {
	r, err := readRisk(p)
	return r.Answer, err
}

func readRisk(p iapeer.Paths) (r riskRecord, err error) {
	b, exists, err := disk.ReadFile(RiskPath(p))
	if err != nil || !exists {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w; remove it to be asked again", RiskPath(p), err)
	}
	return r, nil
}

// answered returns the record after a command said answer ("" says nothing)
// about peer, which is or is not gated.
func (r riskRecord) answered(answer string, peer iapeer.Name, gatedForLack bool) riskRecord {
	if answer != "" {
		r.Answer = answer
	}
	waiting := slices.DeleteFunc(slices.Clone(r.Waiting), func(n iapeer.Name) bool { return n == peer })
	if gatedForLack {
		waiting = append(waiting, peer)
		slices.Sort(waiting)
	}
	r.Waiting = waiting
	return r
}

func (r riskRecord) bytes() []byte {
	b, _ := json.MarshalIndent(r, "", "  ") // strings can be spelled
	return append(b, '\n')
}

// riskAnswer is what the command says: its flag, or IAPEER_ACCEPT_RISK.
func riskAnswer(o iapeer.Onboarding) (string, error) {
	switch o.AcceptRisk {
	case "yes", "no":
		return o.AcceptRisk, nil
	case "":
	default:
		return "", &iapeer.FieldError{Field: "acceptRisk", Value: o.AcceptRisk, Reason: "say yes or no"}
	}
	switch o.Env["IAPEER_ACCEPT_RISK"] {
	case "1", "true", "yes":
		return "yes", nil
	}
	return "", nil
}

// exclusively runs do while no other process onboards under the same root.
func exclusively(ctx context.Context, p iapeer.Paths, do func() error) error {
	if err := os.MkdirAll(p.State(), disk.PrivateDir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(p.State(), "onboarding.lock"), os.O_CREATE|os.O_RDWR, disk.PrivateFile)
	if err != nil {
		return err
	}
	got := make(chan error)
	go func() {
		err := flock(f)
		select {
		case got <- err:
		case <-ctx.Done():
			f.Close() // nobody waits any more; the lock goes with the file
		}
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("another onboarding command runs: %w", ctx.Err())
	case err := <-got:
		defer f.Close()
		if err != nil {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		return do()
	}
}

// flock waits for the lock; a signal that interrupts the wait does not end it.
func flock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// locked reports whether some process holds the lock on a file.
func locked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
