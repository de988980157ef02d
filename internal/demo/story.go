package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// A story is told once, act by act. Whatever is printed was read from the
// product.
type story struct {
	ctx  context.Context
	s    *sandbox
	cast cast
	act  int
}

// tell plays all acts.
func (t *story) tell() error {
	who, err := t.cast.enter(t.ctx)
	if err != nil {
		return err
	}
	t.head("two peers", "%s", who)
	for _, act := range []func() error{t.conversation, t.cheat, t.inbox, t.ledger} {
		if err := act(); err != nil {
			return err
		}
	}
	fmt.Printf("Now yours: bin/iapeer create helper && bin/iapeer send helper \"hi\"     (sandbox removed)\n")
	return nil
}

// conversation has ada woken by the person, and bob by ada.
func (t *story) conversation() error {
	ask, _, _ := t.cast.texts()
	began := time.Now()
	id, err := t.say(ada, ask)
	if err != nil {
		return err
	}
	t.head("you → ada", "%-32q %s accepted and on disk, %s", spoken(ask), id, short(time.Since(began)))
	m, err := t.delivered(id)
	if err != nil {
		return err
	}
	t.head("ada wakes", "started in %-21s %s", short(wakeTime(m)), proof(m))
	asked, err := t.between(ada, bob)
	if err != nil {
		return err
	}
	t.head("ada → bob", "%-32q %s accepted; sender proven: %s", spoken(asked.Body), asked.ID, asked.Proof)
	if asked, err = t.delivered(asked.ID); err != nil {
		return err
	}
	t.head("bob wakes", "started in %-21s %s", short(wakeTime(asked)), proof(asked))
	back, err := t.between(bob, ada)
	if err != nil {
		return err
	}
	if back, err = t.delivered(back.ID); err != nil {
		return err
	}
	if asked, err = t.reaches(asked.ID, "answered", func(m client.Message) bool { return m.State == iapeer.Answered }); err != nil {
		return err
	}
	t.head("bob → ada", "%-32q %s", spoken(back.Body), proof(back))
	t.more("%s %s", asked.ID, asked.State)
	return nil
}

// cheat kills the daemon while one message runs and the next is only accepted.
func (t *story) cheat() error {
	_, slow, next := t.cast.texts()
	first, err := t.say(bob, slow)
	if err != nil {
		return err
	}
	if err := until(t.ctx, "bob to work on "+string(first), func() bool { return t.cast.given(first) > 0 }); err != nil {
		return err
	}
	second, err := t.say(bob, next)
	if err != nil {
		return err
	}
	before, err := t.message(second)
	if err != nil {
		return err
	}
	host, err := t.sessionOf(bob)
	if err != nil {
		return err
	}
	pid := t.s.daemonPID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	t.head("we cheat", "bob works on %s, %s is %s; kill -9 of the daemon, process %d", first, second, before.State, pid)
	if err := t.comeBack(pid, host); err != nil {
		return err
	}
	for _, id := range []iapeer.MessageID{first, second} {
		m, err := t.delivered(id)
		if err != nil {
			return err
		}
		t.more("%s; bob was given it %s", proof(m), times(t.cast.given(id)))
	}
	return nil
}

// comeBack starts a daemon after pid was killed and checks that it adopts.
func (t *story) comeBack(pid, host int) error {
	if err := until(t.ctx, "the daemon to be gone", func() bool { return gone(pid) }); err != nil {
		return err
	}
	began := time.Now()
	if _, err := t.s.iapeer(t.ctx, "daemon", "start"); err != nil {
		return err
	}
	back := time.Since(began)
	if err := t.cast.finish(); err != nil {
		return err
	}
	now, err := t.sessionOf(bob)
	if err != nil {
		return err
	}
	if now != host {
		return fmt.Errorf("bob's session is process %d, want %d: it was not adopted", now, host)
	}
	t.more("a new one is ready after %s, process %d; bob's session is still process %d: adopted", short(back), t.s.daemonPID(), now)
	return nil
}

// inbox reads what came to the person.
func (t *story) inbox() error {
	var mine []client.Message
	err := until(t.ctx, "nothing to be on its way any more", func() bool {
		list, err := t.messages()
		mine = mine[:0]
		for _, m := range list {
			if m.To == "cli-you" {
				mine = append(mine, m)
			} else if m.State != iapeer.Answered {
				return false
			}
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	if len(mine) == 0 {
		return nil
	}
	if _, err := t.s.you(t.ctx, "inbox"); err != nil {
		return err
	}
	for i, m := range mine {
		line := fmt.Sprintf("%s → you  %s", name(m.From), excerpt(m.Body))
		if i == 0 {
			t.head("your inbox", "%s", line)
		} else {
			t.more("%s", line)
		}
	}
	return nil
}

// say sends as the person at a terminal.
func (t *story) say(to, text string) (iapeer.MessageID, error) {
	b, err := t.s.you(t.ctx, "send", "--json", "--wait", "accepted", to, "--message", text)
	if err != nil {
		return "", err
	}
	var r client.SendReply
	if err := json.Unmarshal(b, &r); err != nil {
		return "", fmt.Errorf("receipt %s: %w", b, err)
	}
	return r.Result.ID, nil
}

// message asks for one message with its history.
func (t *story) message(id iapeer.MessageID) (m client.Message, err error) {
	b, err := t.s.iapeer(t.ctx, "msg", "show", "--json", string(id))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

func (t *story) messages() (list []client.Message, err error) {
	b, err := t.s.iapeer(t.ctx, "msg", "list", "--json")
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(b, &list)
}

func (t *story) delivered(id iapeer.MessageID) (client.Message, error) {
	return t.reaches(id, "seen", func(m client.Message) bool { return m.State.Delivered() })
}

// reaches waits until a message is as it should be. One that failed never will
// be.
func (t *story) reaches(id iapeer.MessageID, what string, ok func(client.Message) bool) (m client.Message, err error) {
	waited := until(t.ctx, string(id)+" to be "+what, func() bool {
		m, err = t.message(id)
		return err != nil || ok(m) || m.State == iapeer.Failed
	})
	if err == nil && waited == nil && m.State == iapeer.Failed {
		err = fmt.Errorf("%s failed: %+v", id, m.Steps[len(m.Steps)-1].Evidence)
	}
	return m, errors.Join(waited, err)
}

// between waits for the first message from one peer to another.
func (t *story) between(from, to string) (found client.Message, err error) {
	err = until(t.ctx, fmt.Sprintf("a message from %s to %s", from, to), func() bool {
		list, err := t.messages()
		for _, m := range list {
			if err == nil && name(m.From) == from && name(m.To) == to {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// sessionOf is the process that hosts a peer's session.
func (t *story) sessionOf(peer string) (pid int, err error) {
	err = until(t.ctx, "a session of "+peer, func() bool {
		b, err := t.s.iapeer(t.ctx, "status", "--json")
		var all client.Snapshot
		if err != nil || json.Unmarshal(b, &all) != nil {
			return false
		}
		for _, p := range all.Peers {
			for _, r := range p.Runtimes {
				if p.Personality == peer && r.HostPID > 0 {
					pid = r.HostPID
				}
			}
		}
		return pid > 0
	})
	return pid, err
}

// head prints the first line of an act.
func (t *story) head(title, format string, args ...any) {
	t.act++
	fmt.Printf("%d %-12s %s\n", t.act, title, fmt.Sprintf(format, args...))
}

// more prints a further line of an act.
func (t *story) more(format string, args ...any) {
	fmt.Printf("  %-12s %s\n", "", fmt.Sprintf(format, args...))
}

// name is the peer of an identity.
func name(identity string) string {
	_, n, _ := strings.Cut(identity, "-")
	return n
}

// excerpt is the beginning of a text, on one line and quoted.
func excerpt(text string) string {
	const most = 60
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > most {
		r = append(r[:most-1], '…')
	}
	return `"` + string(r) + `"`
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
