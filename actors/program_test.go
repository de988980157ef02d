package actors

import (
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// enter submits what stands in the composer.
func (h *host) enter() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if h.over() || len(h.composer) == 0 || count(&h.k.loseEnter) {
		return
	}
	r := h.w.conversation(h.conversation)
	for _, m := range h.composer {
		r.taken[m.ID] = true
	}
	h.queue = append(h.queue, h.composer...)
	h.composer = nil
	select {
	case h.work <- struct{}{}:
	default:
	}
}

// program is the agent: it boots, and runs one turn for each prompt.
func (h *host) program() {
	if h.traits.Exec || h.traits.WriteIsEvidence {
		return
	}
	h.w.mu.Lock()
	atBoot, ready := count(&h.k.dieAtBoot), h.k.ready
	h.w.mu.Unlock()
	if !h.sleep(ready) {
		return
	}
	h.w.mu.Lock()
	mute := h.k.mute
	h.w.mu.Unlock()
	if mute {
		return
	}
	if atBoot {
		h.die(iapeer.SessionExited{Code: 1}, true)
		return
	}
	h.w.mu.Lock()
	h.prompt = true
	h.w.mu.Unlock()
	h.settled()
	for {
		select {
		case <-h.dead:
			return
		case <-h.work:
		}
		for h.turn() {
		}
	}
}

// works lets the program work for d, and stand still while a dialog is open. It
// reports whether the host still lives.
func (h *host) works(d time.Duration) bool {
	for h.sleep(d) {
		h.w.mu.Lock()
		dialog := h.dialog
		h.w.mu.Unlock()
		if !dialog {
			return true
		}
		d = 50 * time.Millisecond
	}
	return false
}

// turn runs one turn, and reports whether there is more to do.
func (h *host) turn() bool {
	w := h.w
	w.mu.Lock()
	if len(h.queue) == 0 || h.over() {
		w.mu.Unlock()
		return false
	}
	first := h.queue[0]
	h.queue = h.queue[1:]
	h.busy, h.interrupted = true, false
	h.turns++
	turnID := fmt.Sprintf("%s/%d", h.conversation, h.turns)
	r := w.conversation(h.conversation)
	r.turn = house.TurnKnown{IDs: []iapeer.MessageID{first.ID}, Open: true}
	early := count(&h.k.dieAfterPrompt)
	w.mu.Unlock()
	h.say(iapeer.SessionBusy{})
	h.hook(iapeer.PromptTaken{IDs: []iapeer.MessageID{first.ID}, TurnID: turnID, Evidence: iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit"}})
	if early {
		h.crash(true)
	}
	if !h.works(h.k.think) || !h.sees(first) {
		return false
	}
	all := []iapeer.Message{first}
	for range 4 {
		h.hook(iapeer.TurnMoved{TurnID: turnID, Evidence: iapeer.Evidence{Source: "hook", Detail: "PreToolUse"}})
		if !h.works(h.k.turn / 4) {
			return false
		}
		w.mu.Lock()
		stop, die := h.interrupted, count(&h.k.dieMidTurn)
		var more []iapeer.Message
		if h.traits.TakesWhileBusy && !stop {
			more, h.queue = h.queue, nil
		}
		w.mu.Unlock()
		if die {
			h.crash(true)
			return false
		}
		if stop {
			return h.rest(false, turnID, "")
		}
		for _, m := range more {
			if !h.sees(m) {
				return false
			}
			all = append(all, m)
		}
	}
	text := "done"
	for _, m := range all {
		if h.k.reply != nil {
			if to, body := h.k.reply(m); to != "" {
				w.send(iapeer.Draft{Caller: h.id, To: to, Body: body, Proof: iapeer.ProofSession, WaitFor: iapeer.Accepted})
			}
		}
		if h.k.text != nil {
			text = h.k.text(m)
		}
	}
	return h.rest(true, turnID, text)
}

// sees lets the running turn consume a message.
func (h *host) sees(m iapeer.Message) bool {
	w := h.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.over() {
		return false
	}
	r := w.conversation(h.conversation)
	r.seen[m.ID] = true
	if m.ID != r.turn.IDs[0] {
		r.turn.IDs = append(r.turn.IDs, m.ID)
	}
	w.consume(h, m)
	return true
}

// rest ends a turn: well, with an error, or without a word when a person
// interrupted it.
func (h *host) rest(well bool, turnID, text string) bool {
	w := h.w
	w.mu.Lock()
	r := w.conversation(h.conversation)
	failed := well && count(&h.k.failTurn)
	r.turn.Open, r.turn.Text = false, text
	switch {
	case failed:
		r.turn.Cut = "rate_limit"
	case !well:
		r.turn.Cut = "interrupted"
	}
	w.mu.Unlock()
	e := iapeer.Evidence{Source: "hook", Detail: "Stop"}
	switch {
	case failed:
		f := iapeer.TurnFailed{TurnID: turnID, Reason: "rate_limit", Text: "try later", Evidence: e}
		if h.k.resets > 0 {
			f.ResetsAt = time.Now().Add(h.k.resets)
		}
		h.hook(f)
	case well:
		h.hook(iapeer.TurnEnded{TurnID: turnID, Text: text, Background: h.k.background, Evidence: e})
	}
	w.mu.Lock()
	more := len(h.queue) > 0
	h.busy = more // its hooks belong to the turn
	w.mu.Unlock()
	if !more {
		go func() {
			if h.sleep(200 * time.Millisecond) {
				h.settled()
			}
		}()
	}
	return more
}

// show opens or answers a dialog.
func (h *host) show(dialog bool) {
	h.w.mu.Lock()
	h.dialog, h.since = dialog, time.Now()
	h.w.mu.Unlock()
	h.settled()
}

// attach lets people look at the terminal.
func (h *host) attach(n int) {
	h.w.mu.Lock()
	h.attached = n
	h.w.mu.Unlock()
	h.say(iapeer.SessionAttached{Clients: n})
}
