package oracle_test

import (
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/ledger"
	"github.com/iapeer/iapeer/bench/torture/oracle"
	"github.com/iapeer/iapeer/fleet/client"
)

// clean is a run of two messages from s0 to x0 in which nothing went wrong.
func clean() oracle.Accounts {
	var a oracle.Accounts
	a.Ledgers = map[string][]ledger.Entry{}
	for n, id := range []iapeer.MessageID{"m-1", "m-2"} {
		nonce := ledger.Make("s0", "x0", n+1)
		a.Sends = append(a.Sends, oracle.Send{Nonce: nonce, From: "torture-s0", To: "x0", N: n + 1, Outcome: oracle.Accepted, ID: id})
		a.Receipts = append(a.Receipts, client.Message{
			ID: id, Seq: int64(n + 1), From: "torture-s0", To: "exec-x0", State: iapeer.Answered, Body: nonce + " text",
			Steps: []iapeer.Step{{State: iapeer.Answered, Evidence: iapeer.Evidence{Source: "exit", At: time.Unix(1, 0)}}},
		})
		a.Ledgers["x0"] = append(a.Ledgers["x0"], ledger.Entry{ID: id, Nonce: nonce, PID: 1, At: time.Unix(1, 0)})
	}
	return a
}

// TestJudge spoils a clean run in every way that the table knows.
func TestJudge(t *testing.T) {
	if v := oracle.Judge(clean()); len(v.Violations) > 0 {
		t.Fatalf("a clean run has violations: %+v", v.Violations)
	}
	for _, tc := range []struct {
		name  string
		spoil func(*oracle.Accounts)
		want  oracle.Kind
	}{
		{"no receipt", func(a *oracle.Accounts) { a.Receipts, a.Ledgers["x0"] = a.Receipts[:1], a.Ledgers["x0"][:1] }, oracle.Lost},
		{"still open", func(a *oracle.Accounts) { a.Receipts[1].State = iapeer.Offered }, oracle.Lost},
		{"answer not sent", func(a *oracle.Accounts) { a.Receipts[1].Answer = "re" }, oracle.Lost},
		{"one id twice", func(a *oracle.Accounts) { a.Ledgers["x0"] = append(a.Ledgers["x0"], a.Ledgers["x0"][1]) }, oracle.Doubled},
		{"two ids for one send", func(a *oracle.Accounts) {
			e := a.Ledgers["x0"][1]
			e.ID = "m-3"
			a.Ledgers["x0"] = append(a.Ledgers["x0"], e)
		}, oracle.Doubled},
		{"another order", func(a *oracle.Accounts) {
			l := a.Ledgers["x0"]
			l[0], l[1] = l[1], l[0]
		}, oracle.Reordered},
		{"never arrived", func(a *oracle.Accounts) { a.Ledgers["x0"] = a.Ledgers["x0"][:1] }, oracle.Unproven},
		{"no evidence", func(a *oracle.Accounts) { a.Receipts[1].Steps = nil }, oracle.Unproven},
		{"refused and delivered", func(a *oracle.Accounts) { a.Sends[1].Outcome = oracle.Refused }, oracle.Denied},
		{"failed in silence", func(a *oracle.Accounts) { a.Receipts[1].State = iapeer.Failed }, oracle.Unreported},
		{"unknown without a kill", func(a *oracle.Accounts) {
			a.Receipts[1].State = iapeer.Unknown
			a.Receipts = append(a.Receipts, client.Message{
				ID: "m-3", From: "system-iapeer", To: "torture-s0", State: iapeer.Cancelled, Body: "m-2 to exec-x0 unknown: why",
			})
		}, oracle.TooUnknown},
		{"a process left", func(a *oracle.Accounts) { a.Leaks = []oracle.Leak{{Kind: oracle.Processes}} }, oracle.Processes},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := clean()
			tc.spoil(&a)
			v := oracle.Judge(a)
			if v.Count(tc.want) == 0 {
				t.Errorf("violations = %+v, want one of %q", v.Violations, tc.want)
			}
		})
	}
}

// TestAFailureThatWasToldIsNone accepts a failure that its sender was told of.
func TestAFailureThatWasToldIsNone(t *testing.T) {
	a := clean()
	a.Receipts[1].State = iapeer.Failed
	a.Receipts = append(a.Receipts, client.Message{
		ID: "m-3", From: iapeer.SystemIdentity().String(), To: "torture-s0", State: iapeer.Cancelled, Body: "m-2 to exec-x0 failed: exit 3",
	})
	if v := oracle.Judge(a); len(v.Violations) > 0 {
		t.Errorf("violations = %+v, want none", v.Violations)
	}
}
