package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/oracle"
)

// explained is how many violations are shown with their history, of each kind
// as many.
const explained = 20

// report prints what was done and what the oracle says.
func (r *run) report(ctx context.Context, v oracle.Verdict, a oracle.Accounts) {
	t, out := r.con.tally, r.out
	fmt.Fprintf(out, "\n%-54s %7s %9s\n", "killed at", "times", "unaimed")
	for _, p := range points {
		fmt.Fprintf(out, "%-54s %7d %9d\n", p, t.hits[p], t.late[p])
	}
	fmt.Fprintf(out, "daemons killed %d, hosts %d, children %d; %d starts reached ready, half of them within %s\n",
		t.kills("daemon"), t.kills("host"), t.kills("child"), r.house.pids.count, r.house.pids.median())
	fmt.Fprintf(out, "peers that rested until they were started by hand: %d\n", r.person.did)
	for peer, cause := range r.person.last {
		fmt.Fprintf(out, "  %s: %.200s\n", peer, cause)
	}
	outcomes, exits, halves := r.house.records()
	fmt.Fprintf(out, "records of dead sessions that nobody removed: %d outcomes, %d exits, %d half written\n", outcomes, exits, halves)
	before, after := 0, 0
	for _, s := range a.Sends {
		switch {
		case s.Lost > 0 && s.Repeated:
			after++
		case s.Lost > 0 && s.Outcome == oracle.Accepted:
			before++
		}
	}
	fmt.Fprintf(out, "requests without an answer: %d repeated before their commit, %d after it\n", before, after)
	fmt.Fprintf(out, "messages: %d accepted (%.0f a second), %d refused, %d whose sender never learned; %d receipts, %d arrivals\nstates:",
		v.Accepted, float64(v.Accepted)/r.took.Seconds(), v.Denied, v.Open, len(a.Receipts), v.Received)
	for _, s := range iapeer.States {
		if n := v.States[s]; n > 0 {
			fmt.Fprintf(out, " %s %d", s, n)
		}
	}
	fmt.Fprintf(out, "\n\n%-54s %7s\n", "must be zero", "found")
	for _, k := range oracle.Kinds {
		fmt.Fprintf(out, "%-54s %7d\n", k, v.Count(k))
	}
	r.explain(ctx, v)
	fmt.Fprintf(out, "\nrepeat with: go run ./bench/torture -minutes %g -seed %d -peers %d -senders %d\n", r.minutes, r.seed, r.peers, r.senders)
}

// explain shows the first violations with the histories of their messages.
func (r *run) explain(ctx context.Context, v oracle.Verdict) {
	limited, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	for i, x := range v.First(explained) {
		fmt.Fprintf(r.out, "\n%d. %s: %s %s\n", i+1, x.Kind, x.Nonce, x.What)
		for _, id := range x.IDs[:min(len(x.IDs), 3)] {
			text, err := r.house.cli(limited, nil, "msg", "show", string(id))
			fmt.Fprintf(r.out, "%s", text)
			if err != nil {
				fmt.Fprintf(r.out, "   no history: %v\n", err)
			}
		}
	}
}

func (s *starts) median() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.took) == 0 {
		return 0
	}
	slices.Sort(s.took)
	return s.took[len(s.took)/2].Round(time.Millisecond)
}
