// Package oracle judges a run of the torture by three accounts of it: what the
// senders were told, what the receipts say, and what the recipients wrote down.
// It is pure: the same accounts give the same verdict.
package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/ledger"
	"github.com/iapeer/iapeer/fleet/client"
)

// An Outcome is what a sender knows of a message.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted" // it was given an id
	Refused  Outcome = "refused"  // it was told that nothing was accepted
	Unknown  Outcome = "unknown"  // no answer came, and it could not repeat the send
)

// A Send is one message as its sender knows it.
type Send struct {
	Nonce    string
	From     string // identity
	To       string // peer
	N        int    // number within the pair, from 1
	By       string // way
	Outcome  Outcome
	ID       iapeer.MessageID
	Repeated bool   // the receipt is that of an earlier attempt
	Attempts int    // requests made
	Lost     int    // of them without an answer
	Reason   string // of the last attempt without a receipt
	At       time.Time
}

// String tells how the message was sent.
func (s Send) String() string {
	return fmt.Sprintf("%s to %s by %s, %d attempts, %d without an answer", s.From, s.To, s.By, s.Attempts, s.Lost)
}

// Accounts are what is known after a run.
type Accounts struct {
	Sends    []Send
	Receipts []client.Message          // delivered ones with their steps
	Ledgers  map[string][]ledger.Entry // by peer
	Killed   int                       // hosts killed
	Leaks    []Leak
}

// A Leak is something that should not be there any more.
type Leak struct {
	Kind Kind
	What string
}

// A Kind is a row of the table: what must never happen.
type Kind string

// The kinds of violations.
const (
	Lost       Kind = "lost"
	Doubled    Kind = "doubled"
	Reordered  Kind = "reordered"
	Unproven   Kind = "delivered without evidence"
	Denied     Kind = "refused, and delivered all the same"
	TooUnknown Kind = "unknown beyond one per host killed"
	Unreported Kind = "failed or unknown, and nobody told"
	Crashed    Kind = "daemons that ended by themselves"
	Processes  Kind = "leaked processes"
	Sockets    Kind = "leaked sockets and locks"
	Files      Kind = "leaked descriptors"
)

// Kinds lists the rows in their order.
var Kinds = []Kind{Lost, Doubled, Reordered, Unproven, Denied, TooUnknown, Unreported, Crashed, Processes, Sockets, Files}

// A Violation is one thing that must never happen and did.
type Violation struct {
	Kind  Kind
	What  string
	IDs   []iapeer.MessageID // whose history explains it
	Nonce string
}

// A Verdict is the outcome of a run.
type Verdict struct {
	Violations []Violation
	States     map[iapeer.State]int // of all receipts
	Received   int                  // entries in all ledgers
	Accepted   int                  // sends that got an id
	Denied     int                  // sends that were refused
	Open       int                  // sends whose sender never learned
	Unknown    int                  // receipts
}

// Count returns how many violations of a kind there are.
func (v Verdict) Count(k Kind) int {
	n := 0
	for _, x := range v.Violations {
		if x.Kind == k {
			n++
		}
	}
	return n
}

// First returns at most n violations, of every kind about as many, in the order
// of the kinds.
func (v Verdict) First(n int) (out []Violation) {
	left := n
	taken := map[Kind]int{}
	for left > 0 {
		before := left
		for _, k := range Kinds {
			if left > 0 && taken[k] < v.Count(k) {
				taken[k]++
				left--
			}
		}
		if left == before {
			break
		}
	}
	for _, x := range v.Violations {
		if taken[x.Kind] > 0 {
			taken[x.Kind]--
			out = append(out, x)
		}
	}
	return out
}

// judge is one judgement under way.
type judge struct {
	Accounts
	out      Verdict
	receipts map[iapeer.MessageID]client.Message
	arrivals map[iapeer.MessageID]int
	nonces   map[string][]ledger.Entry
	told     map[string]bool // "<recipient> <id>": a message of the system to it names the id
	causes   map[string]bool // "<from> <to> <id>": a message that answers id
}

// Judge compares the accounts.
func Judge(a Accounts) Verdict {
	j := &judge{Accounts: a, out: Verdict{States: map[iapeer.State]int{}}}
	j.index()
	j.sends()
	j.messages()
	j.order()
	for _, l := range a.Leaks {
		j.add(l.Kind, "", l.What)
	}
	slices.SortStableFunc(j.out.Violations, func(x, y Violation) int {
		return cmp.Compare(slices.Index(Kinds, x.Kind), slices.Index(Kinds, y.Kind))
	})
	return j.out
}

func (j *judge) add(k Kind, nonce, what string, ids ...iapeer.MessageID) {
	j.out.Violations = append(j.out.Violations, Violation{Kind: k, What: what, IDs: ids, Nonce: nonce})
}

// index makes everything findable.
func (j *judge) index() {
	j.receipts = make(map[iapeer.MessageID]client.Message, len(j.Receipts))
	j.arrivals, j.nonces = map[iapeer.MessageID]int{}, map[string][]ledger.Entry{}
	j.told, j.causes = map[string]bool{}, map[string]bool{}
	for _, m := range j.Receipts {
		j.receipts[m.ID] = m
		j.out.States[m.State]++
		if m.Caused != "" {
			j.causes[m.From+" "+m.To+" "+string(m.Caused)] = true
		}
		if m.From == iapeer.SystemIdentity().String() {
			for _, id := range idsIn(m.Body) {
				j.told[m.To+" "+id] = true
			}
		}
	}
	for _, list := range j.Ledgers {
		for _, e := range list {
			j.out.Received++
			j.arrivals[e.ID]++
			if e.Nonce != "-" {
				j.nonces[e.Nonce] = append(j.nonces[e.Nonce], e)
			}
		}
	}
}

// idsIn lists the message ids in a text.
func idsIn(text string) (ids []string) {
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == ':' }) {
		if strings.HasPrefix(f, "m-") {
			ids = append(ids, f)
		}
	}
	return ids
}

// sends holds what each sender was told against what became of it.
func (j *judge) sends() {
	for _, s := range j.Sends {
		got := j.nonces[s.Nonce]
		if len(got) > 1 {
			j.add(Doubled, s.Nonce, fmt.Sprintf("%s: received %d times: %s", s, len(got), times(got)), idsOf(got)...)
		}
		switch s.Outcome {
		case Accepted:
			j.out.Accepted++
			if _, ok := j.receipts[s.ID]; !ok {
				j.add(Lost, s.Nonce, fmt.Sprintf("%s: accepted as %s, of which there is no receipt", s, s.ID))
			}
			if len(got) > 0 && !slices.ContainsFunc(got, func(e ledger.Entry) bool { return e.ID == s.ID }) {
				j.add(Doubled, s.Nonce, fmt.Sprintf("%s: accepted as %s and received as %s", s, s.ID, got[0].ID), s.ID, got[0].ID)
			}
		case Refused:
			j.out.Denied++
			if len(got) > 0 {
				j.add(Denied, s.Nonce, fmt.Sprintf("%s: refused (%s), and received", s, s.Reason), idsOf(got)...)
			}
		case Unknown:
			j.out.Open++
		}
	}
}

func idsOf(list []ledger.Entry) (ids []iapeer.MessageID) {
	for _, e := range list {
		if !slices.Contains(ids, e.ID) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func times(list []ledger.Entry) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s as %s by pid %d; ", e.At.UTC().Format("15:04:05.000"), e.ID, e.PID)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// messages holds every receipt against what arrived, those of answers and of
// the system included.
func (j *judge) messages() {
	for _, m := range j.Receipts {
		if n := j.arrivals[m.ID]; n > 1 && len(j.nonces[ledger.Nonce(m.Body)]) < 2 {
			j.add(Doubled, "", fmt.Sprintf("%s to %s (%.60q): received %d times", m.From, m.To, m.Body, n), m.ID)
		}
		j.message(m)
	}
	if over := j.out.Unknown - j.Killed; over > 0 {
		ids := j.withState(iapeer.Unknown)
		j.add(TooUnknown, "", fmt.Sprintf("%d messages are unknown, and %d hosts were killed", j.out.Unknown, j.Killed), ids...)
	}
}

func (j *judge) withState(s iapeer.State) (ids []iapeer.MessageID) {
	for _, m := range j.Receipts {
		if m.State == s {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (j *judge) message(m client.Message) {
	arrived := j.arrivals[m.ID] > 0
	route := fmt.Sprintf("%s to %s (%.60q)", m.From, m.To, m.Body)
	switch m.State {
	case iapeer.Seen, iapeer.Answered:
		switch {
		case !arrived:
			j.add(Unproven, ledger.Nonce(m.Body), route+": "+string(m.State)+", and its recipient never got it", m.ID)
		case !proven(m):
			j.add(Unproven, ledger.Nonce(m.Body), route+": "+string(m.State)+" without evidence", m.ID)
		}
		j.answer(m, route)
	case iapeer.Failed, iapeer.Unknown, iapeer.Expired:
		if m.State == iapeer.Unknown {
			j.out.Unknown++
		}
		if m.From != iapeer.SystemIdentity().String() && !j.told[m.From+" "+string(m.ID)] {
			j.add(Unreported, ledger.Nonce(m.Body), route+": "+string(m.State)+", and no message to its sender says so", m.ID)
		}
	case iapeer.Accepted, iapeer.Offered, iapeer.Taken, iapeer.Held, iapeer.Refused:
		j.add(Lost, ledger.Nonce(m.Body), fmt.Sprintf("%s: still %s when everything had come to rest (arrived: %v)", route, m.State, arrived), m.ID)
	case iapeer.Cancelled:
	}
}

// answer wants the answer of a command to be on its way to who asked. Agents
// answer by messages of their own.
func (j *judge) answer(m client.Message, route string) {
	asked := strings.HasPrefix(m.To, string(iapeer.RuntimeExec)+"-") && m.Answer != "" && m.Caused == "" && m.From != iapeer.SystemIdentity().String()
	if asked && !j.causes[m.To+" "+m.From+" "+string(m.ID)] {
		j.add(Lost, ledger.Nonce(m.Body), route+": its answer was not sent", m.ID)
	}
}

// proven reports whether the history holds evidence of the delivery.
func proven(m client.Message) bool {
	return slices.ContainsFunc(m.Steps, func(s iapeer.Step) bool {
		return s.State.Delivered() && s.Evidence.Source != "" && !s.Evidence.At.IsZero()
	})
}

// order wants each pair's messages in the order of acceptance, by the sender's
// own numbers and by the store's.
func (j *judge) order() {
	for peer, list := range j.Ledgers {
		last := map[string]client.Message{}
		number := map[string]int{}
		seen := map[iapeer.MessageID]bool{}
		for _, e := range list {
			m, ok := j.receipts[e.ID]
			if !ok || seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			if before, ok := last[m.From]; ok && before.Seq > m.Seq {
				j.add(Reordered, e.Nonce, fmt.Sprintf("%s to %s: %s (number %d) arrived behind %s (number %d)", m.From, peer, m.ID, m.Seq, before.ID, before.Seq), m.ID, before.ID)
			}
			last[m.From] = m
			if _, _, n, ok := ledger.Parse(e.Nonce); ok {
				if n < number[m.From] {
					j.add(Reordered, e.Nonce, fmt.Sprintf("%s to %s: the sender's message %d arrived behind %d", m.From, peer, n, number[m.From]), m.ID)
				}
				number[m.From] = n
			}
		}
	}
}
