package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// ledger counts what the store says of every message, and compares it with
// what the peers themselves were given.
func (t *story) ledger() error {
	list, err := t.messages()
	if err != nil {
		return err
	}
	var seen, lost, doubled, unproven int
	for _, m := range list {
		full, err := t.message(m.ID)
		if err != nil {
			return err
		}
		_, proven := evidence(full)
		switch given := t.cast.given(m.ID); {
		case !m.State.Delivered():
			lost++
		case !proven || m.To != "cli-you" && given == 0:
			unproven++
		case given > 1:
			doubled++
		default:
			seen++
		}
	}
	t.head("the ledger", `%d sent · %d seen · %d lost · %d doubled · %d "delivered" without proof`, len(list), seen, lost, doubled, unproven)
	if seen != len(list) || len(list) == 0 {
		return errors.New("the ledger does not balance")
	}
	return nil
}

// evidence is what proved that a message was seen.
func evidence(m client.Message) (e iapeer.Evidence, ok bool) {
	for _, s := range m.Steps {
		if s.State.Delivered() && s.Evidence.Source != "" {
			return s.Evidence, true
		}
	}
	return e, false
}

// proof says in one line how a message is known to have been seen.
func proof(m client.Message) string {
	e, _ := evidence(m)
	text := e.Detail
	if e.Source == "hook" || e.Source == "record" {
		text = strings.TrimSpace(e.Source + " " + text)
	}
	if e.Session != "" && !strings.Contains(e.Session, ":") {
		text += ", session " + e.Session[:min(len(e.Session), 8)]
	}
	return fmt.Sprintf("%s seen      proof: %s", m.ID, text)
}

// wakeTime is from acceptance to the first offer.
func wakeTime(m client.Message) time.Duration {
	for _, s := range m.Steps {
		if s.Change == iapeer.ChangeOffer {
			return s.Evidence.At.Sub(m.AcceptedAt)
		}
	}
	return 0
}
