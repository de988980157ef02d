package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/oracle"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/session"
)

// restLimit bounds the wait for everything to come to rest.
const restLimit = 60 * time.Second

// settle waits until no message is under way; the error says what still is.
func (h *house) settle(ctx context.Context) error {
	c := h.fleet()
	open := ""
	for limit, calm := time.Now().Add(restLimit), 0; time.Now().Before(limit); nap(ctx, 100*time.Millisecond) {
		n, err := underWay(ctx, c)
		if open = n; err != nil || open != "" {
			calm = 0
			continue
		}
		if calm++; calm == 5 { // answers and notices follow what ends
			return nil
		}
	}
	return fmt.Errorf("not at rest after %s: %s", restLimit, open)
}

func underWay(ctx context.Context, c *client.Client) (string, error) {
	for _, s := range []iapeer.State{iapeer.Accepted, iapeer.Offered, iapeer.Taken, iapeer.Held} {
		list, err := c.Messages(ctx, iapeer.MessageQuery{State: s, Limit: 1})
		if err != nil || len(list) > 0 {
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s from %s to %s is %s", list[0].ID, list[0].From, list[0].To, s), nil
		}
	}
	return "", nil
}

// accounts gathers what the oracle compares.
func (r *run) accounts(ctx context.Context, before map[string]int) (a oracle.Accounts, err error) {
	a.Sends, a.Killed = r.traffic.sends(), r.con.tally.kills("host")
	if a.Receipts, err = r.house.receipts(ctx); err != nil {
		return a, err
	}
	if a.Ledgers, err = r.house.ledgers(); err != nil {
		return a, err
	}
	r.traffic.hangUp()
	a.Leaks = r.house.leaks(ctx, r.con.now.pid, before)
	for _, what := range r.con.crashes {
		a.Leaks = append(a.Leaks, oracle.Leak{Kind: oracle.Crashed, What: what})
	}
	return a, nil
}

// page is how many receipts are asked for at once.
const page = 1000

// receipts reads every receipt, those of delivered messages with their history.
func (h *house) receipts(ctx context.Context) (all []client.Message, err error) {
	c := h.fleet()
	for q := (iapeer.MessageQuery{Limit: page}); ; {
		list, err := c.Messages(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page {
			break
		}
		q.Before = list[len(list)-1].Seq
	}
	return all, histories(ctx, c, all)
}

// readers is how many histories are read at once.
const readers = 4

func histories(ctx context.Context, c *client.Client, all []client.Message) error {
	var wg sync.WaitGroup
	errs := make([]error, readers)
	for i := range readers {
		wg.Go(func() {
			for n := i; n < len(all); n += readers {
				if !all[n].State.Delivered() {
					continue
				}
				m, err := c.Message(ctx, string(all[n].ID))
				if err != nil {
					errs[i] = err
					return
				}
				all[n].Steps = m.Steps
			}
		})
	}
	wg.Wait()
	return slices.MaxFunc(errs, func(a, b error) int {
		switch {
		case a == nil && b != nil:
			return -1
		case a != nil && b == nil:
			return 1
		}
		return 0
	})
}

// parkLimit bounds the wait for idle sessions to be parked.
const parkLimit = 20 * time.Second

// leaks looks for what should not be there once all sessions are parked: only
// the daemon lives then.
func (h *house) leaks(ctx context.Context, daemon int, before map[string]int) (out []oracle.Leak) {
	for limit := time.Now().Add(parkLimit); time.Now().Before(limit) && len(h.processes()) > 1; {
		nap(ctx, 100*time.Millisecond)
	}
	for _, pid := range h.processes() {
		if pid != daemon {
			out = append(out, oracle.Leak{Kind: oracle.Processes, What: fmt.Sprintf("pid %d: %s", pid, commandLine(pid))})
		}
	}
	entries, _ := os.ReadDir(h.paths.Hosts())
	for _, e := range entries {
		name := e.Name()
		for _, s := range []string{".sock", ".serve.json", ".pid", ".attached"} {
			if strings.HasSuffix(name, s) {
				out = append(out, oracle.Leak{Kind: oracle.Sockets, What: "left behind: " + name})
			}
		}
	}
	found, _ := session.Scan(h.paths.Hosts())
	for _, f := range found {
		if f.State != session.Dead {
			out = append(out, oracle.Leak{Kind: oracle.Sockets, What: fmt.Sprintf("%s is %s, and no process is there", f.Identity, f.State)})
		}
	}
	after := h.descriptors(daemon)
	for kind, n := range after {
		if over := n - before[kind]; over > 0 {
			out = append(out, oracle.Leak{Kind: oracle.Files, What: fmt.Sprintf("the daemon has %d more of %s: %d, at first %d", over, kind, n, before[kind])})
		}
	}
	return out
}

// records counts the files that dead sessions left: how commands ended, how
// hosts did, and what a kill left half written.
func (h *house) records() (outcomes, exits, halves int) {
	entries, _ := os.ReadDir(h.paths.Hosts())
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, ".tmp-"):
			halves++
		case strings.Contains(name, ".exec."):
			outcomes++
		case strings.HasSuffix(name, ".exit.json"):
			exits++
		}
	}
	return outcomes, exits, halves
}

func commandLine(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(strings.TrimRight(string(b), "\x00"), "\x00", " ")
}

// descriptors counts what a process has open, by kind.
func (h *house) descriptors(pid int) map[string]int {
	out := map[string]int{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		target, err := os.Readlink(l)
		if err != nil {
			continue
		}
		if strings.HasSuffix(target, "-stderr.log") {
			continue // whoever starts a daemon chooses where it complains
		}
		kind, _, _ := strings.Cut(target, ":[")
		out[strings.ReplaceAll(kind, h.paths.Home, "~")]++
	}
	return out
}
