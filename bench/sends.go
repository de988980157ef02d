package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/anchor"
	"github.com/iapeer/iapeer/bench/load"
)

// bodySize is the size of the messages, in bytes.
const bodySize = 1024

var filler = strings.Repeat("lorem ipsum dolor sit amet. ", bodySize/28+1)

// text is the body of message n: its mark is its end.
func text(n int) string {
	mark := load.Mark(n)
	return filler[:bodySize-len(mark)] + mark
}

// call is a tools/call of send_to_peer as an agent program makes it.
func call(n int, to string) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"send_to_peer","arguments":{"personality":%q,"message":%q},"_meta":{"claudecode/toolUseId":"toolu_%012d","progressToken":%d}}}`,
		n, to, text(n), n, n)
}

// identity is the head by which an older server knows the caller; it takes
// whatever it says.
const identity = "MCP-Protocol-Version: 2025-06-18\r\nX-IAPeer-Identity: bench-p0\r\n"

// unproven makes requests for a server that asks for no proof, to p0 to p7 in
// turn.
func unproven(n int) (string, string, []byte) {
	return "/mcp", identity, call(n, fmt.Sprintf("p%d", n%anchor.Terminals))
}

// goodTool checks an answer for a tool error.
func goodTool(_ int, reply []byte) error {
	if bytes.Contains(reply, []byte(`"isError":true`)) || !bytes.Contains(reply, []byte(`"ok":true`)) {
		return fmt.Errorf("%w: %.400s", errAnswer, reply)
	}
	return nil
}

// An inbox run sends to people, whose mail is accepted and then waits. What is
// open is bounded, so it goes in portions, and what was accepted is withdrawn
// between them, outside the measured time.
type inboxRun struct {
	h    *house
	mu   sync.Mutex
	open []receipt // accepted and not yet withdrawn
	keep bool      // withdraw nothing

	tidied time.Duration // of the daemon's processor time, spent on withdrawing in the last run
}

// A receipt is a message and the router that sent it.
type receipt struct {
	id   string
	from int
}

func (r *inboxRun) server() load.Server {
	return load.Server{Addr: r.h.addr, Check: r.check, Request: func(n int) (string, string, []byte) {
		from := n % r.h.routers
		return "/mcp", r.h.head(from), call(n, fmt.Sprintf("n%d", (n/r.h.routers)%r.h.inboxes))
	}}
}

// head proves that the request comes from the session of router i.
func (h *house) head(i int) string {
	return fmt.Sprintf("MCP-Protocol-Version: 2025-06-18\r\nX-IAPeer-Identity: bench-p%d\r\nAuthorization: Bearer %s\r\n", i, h.tokens[i])
}

var idMark = []byte(`"id":"m-`)

func (r *inboxRun) check(n int, reply []byte) error {
	if err := goodTool(n, reply); err != nil {
		return err
	}
	at := bytes.LastIndex(reply, idMark)
	if at < 0 {
		return fmt.Errorf("%w: no message id in %.400s", errAnswer, reply)
	}
	id, _, _ := bytes.Cut(reply[at+len(idMark)-2:], []byte(`"`))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, receipt{string(id), n % r.h.routers})
	return nil
}

// portion is how many messages fit before the backlog limits refuse more.
func (h *house) portion() int {
	return h.inboxes * min(iapeer.MaxOpenMessages, h.routers*iapeer.MaxOpenPerSender) * 9 / 10
}

// run sends for about limit, of which only sending counts.
func (r *inboxRun) run(callers, first int, limit time.Duration) (load.Result, error) {
	var sum load.Result
	r.tidied = 0
	for sum.Took < limit {
		part, err := r.server().Run(callers, first+sum.Count, r.h.portion(), limit-sum.Took)
		if err != nil {
			return sum, err
		}
		sum.Count += part.Count
		sum.Took += part.Took
		sum.Latency = append(sum.Latency, part.Latency...)
		before := load.CPU(r.h.pid())
		if err := r.withdraw(); err != nil {
			return sum, err
		}
		r.tidied += load.CPU(r.h.pid()) - before
	}
	slices.Sort(sum.Latency)
	return sum, nil
}

// withdraw cancels everything that was accepted.
func (r *inboxRun) withdraw() error {
	list := r.open
	r.open = nil
	if r.keep {
		return nil
	}
	s := load.Server{Addr: r.h.addr, Request: func(n int) (string, string, []byte) {
		return "/fleet/v1/messages/" + list[n].id + "/cancel", r.h.head(list[n].from), []byte("{}")
	}}
	_, err := s.Run(withdrawers, 0, len(list), time.Hour)
	return err
}

// withdrawers is how many callers tidy up.
const withdrawers = 16

// live sends from session to session: each router to the others in turn, so
// that the answer comes when the recipient's terminal has the message.
func (h *house) live() load.Server {
	return load.Server{Addr: h.addr, Check: seen, Request: func(n int) (string, string, []byte) {
		from := n % h.routers
		to := (from + 1 + n/h.routers%(h.routers-1)) % h.routers
		return "/mcp", h.head(from), call(n, fmt.Sprintf("p%d", to))
	}}
}

// commands sends from sessions to peers that run a command for each message.
func (h *house) commands() load.Server {
	return load.Server{Addr: h.addr, Check: goodTool, Request: func(n int) (string, string, []byte) {
		return "/mcp", h.head(n % h.routers), call(n, fmt.Sprintf("x%d", n/h.routers%h.execs))
	}}
}

func seen(n int, reply []byte) error {
	if err := goodTool(n, reply); err != nil {
		return err
	}
	if !bytes.Contains(reply, []byte(`"state":"seen"`)) {
		return fmt.Errorf("%w: not seen: %.400s", errAnswer, reply)
	}
	return nil
}
