package iapeer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iapeer/iapeer"
)

// cells is the life of a message, written a second time: a row for each state,
// a column for each change. A dot is a refused change.
const cells = `
            offer    take     see   answer    return    lose     fail     expire   cancel     hold   release   retry     resolve-seen  resolve-lost
accepted    offered  taken    seen  answered  accepted  unknown  failed   expired  cancelled  held   accepted  accepted  .             .
offered     offered  taken    seen  answered  accepted  unknown  failed   .        .          .      .         .         .             .
taken       .        taken    seen  answered  accepted  unknown  failed   .        .          .      .         .         .             .
seen        .        seen     seen  answered  .         .        .        .        .          .      .         .         .             .
answered    .        answered answered answered .       .        .        .        .          .      .         .         .             .
unknown     .        taken    seen  answered  accepted  unknown  .        .        .          .      .         accepted  seen          failed
held        .        .        seen  answered  .         .        failed   .        cancelled  held   accepted  .         .             .
failed      .        failed   seen  answered  .         .        failed   .        .          .      .         accepted  .             .
expired     .        expired  seen  answered  .         .        .        expired  .          .      .         accepted  .             .
cancelled   .        cancelled seen answered  .         .        .        .        cancelled  .      .         .         .             .
refused     .        .        .     .         .         .        .        .        .          .      .         .         .             .
`

func TestEveryCell(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(cells), "\n")
	changes := strings.Fields(lines[0])
	if len(changes) != 14 || len(changes) != len(iapeer.Changes) || len(lines)-1 != 11 || len(lines)-1 != len(iapeer.States) {
		t.Fatalf("%d changes and %d states, want %d and %d", len(changes), len(lines)-1, len(iapeer.Changes), len(iapeer.States))
	}
	for i, line := range lines[1:] {
		row := strings.Fields(line)
		state := iapeer.State(row[0])
		if state != iapeer.States[i] || len(row) != len(changes)+1 {
			t.Fatalf("row %q is not of state %s", line, iapeer.States[i])
		}
		for j, name := range changes {
			change, want := iapeer.Change(name), iapeer.State(row[j+1])
			t.Run(row[0]+"/"+name, func(t *testing.T) { checkCell(t, state, change, want) })
		}
	}
}

func checkCell(t *testing.T, state iapeer.State, change iapeer.Change, want iapeer.State) {
	t.Helper()
	got, err := state.Next(change)
	if want != "." {
		if err != nil || got != want {
			t.Errorf("%s of %s = %s, %v, want %s", change, state, got, err, want)
		}
		return
	}
	var refused *iapeer.ChangeError
	if !errors.As(err, &refused) || !errors.Is(err, iapeer.ErrBadChange) || got != state {
		t.Errorf("%s of %s = %s, %v, want it refused", change, state, got, err)
	}
	if refused != nil && (refused.State != state || refused.Change != change || refused.Error() == "") {
		t.Errorf("%s of %s is refused as %+v", change, state, refused)
	}
}

func TestStateIsOpenOrSettled(t *testing.T) {
	open := []iapeer.State{iapeer.Accepted, iapeer.Offered, iapeer.Taken, iapeer.Unknown, iapeer.Held}
	for _, s := range append(slices.Clone(iapeer.States), "", "nonsense") {
		if got, want := s.Open(), slices.Contains(open, s); got != want {
			t.Errorf("%q open = %v, want %v", s, got, want)
		}
		if got, want := s.Delivered(), s == iapeer.Seen || s == iapeer.Answered; got != want {
			t.Errorf("%q delivered = %v, want %v", s, got, want)
		}
		if s.Open() && s.Delivered() {
			t.Errorf("%q is open and delivered", s)
		}
	}
}

func TestUnknownStateOrChange(t *testing.T) {
	for _, c := range append(slices.Clone(iapeer.Changes), "", "explode") {
		if got, err := iapeer.State("nonsense").Next(c); err == nil || got != "nonsense" {
			t.Errorf("%s of nonsense = %s, %v", c, got, err)
		}
	}
	for _, s := range iapeer.States {
		if got, err := s.Next("explode"); err == nil || got != s {
			t.Errorf("explode of %s = %s, %v", s, got, err)
		}
	}
}

// walkLife draws a life of a message and calls step for every change that is
// allowed.
func walkLife(t *rapid.T, step func(from iapeer.State, c iapeer.Change, to iapeer.State)) {
	state := rapid.SampledFrom([]iapeer.State{iapeer.Accepted, iapeer.Held}).Draw(t, "start")
	for _, c := range rapid.SliceOf(rapid.SampledFrom(iapeer.Changes)).Draw(t, "changes") {
		next, err := state.Next(c)
		if err != nil {
			if next != state {
				t.Fatalf("%s of %s is refused and yet gives %s", c, state, next)
			}
			continue
		}
		step(state, c, next)
		state = next
	}
}

// Delivered means seen: once a turn is proven to have consumed a message,
// nothing makes it anything less; evidence is taken in every state of a message
// that was accepted.
func TestEvidenceIsNeverUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		walkLife(t, func(from iapeer.State, c iapeer.Change, to iapeer.State) {
			if from.Delivered() && !to.Delivered() {
				t.Fatalf("%s made %s of %s", c, to, from)
			}
			if from == iapeer.Answered && to != iapeer.Answered {
				t.Fatalf("%s made %s of an answered message", c, to)
			}
			for _, evidence := range []iapeer.Change{iapeer.ChangeSee, iapeer.ChangeAnswer} {
				if after, err := to.Next(evidence); err != nil || !after.Delivered() {
					t.Fatalf("%s of %s = %s, %v", evidence, to, after, err)
				}
			}
		})
	})
}

// Once: a message that may have been seen comes back to be offered only by
// proven absence or by a person.
func TestOnlyAbsenceOrAPersonOffersAgain(t *testing.T) {
	allowed := []iapeer.Change{iapeer.ChangeReturn, iapeer.ChangeRetry}
	rapid.Check(t, func(t *rapid.T) {
		walkLife(t, func(from iapeer.State, c iapeer.Change, to iapeer.State) {
			begun := slices.Contains([]iapeer.State{iapeer.Offered, iapeer.Taken, iapeer.Unknown}, from)
			if begun && to == iapeer.Accepted && !slices.Contains(allowed, c) {
				t.Fatalf("%s made %s of %s", c, to, from)
			}
			if from == iapeer.Unknown && to == iapeer.Offered {
				t.Fatalf("%s offers an unknown message again", c)
			}
		})
	})
}

// Only evidence, or a person's word about an unknown message, delivers.
func TestOnlyEvidenceDelivers(t *testing.T) {
	evidence := []iapeer.Change{iapeer.ChangeSee, iapeer.ChangeAnswer}
	for _, s := range iapeer.States {
		for _, c := range iapeer.Changes {
			next, err := s.Next(c)
			if err != nil || s.Delivered() || !next.Delivered() || slices.Contains(evidence, c) {
				continue
			}
			if s != iapeer.Unknown || c != iapeer.ChangeClear {
				t.Errorf("%s of %s = %s", c, s, next)
			}
		}
	}
}

// Evidence may come late, twice or out of order; the outcome is the same.
func TestEvidenceInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation([]iapeer.Change{iapeer.ChangeTake, iapeer.ChangeTake, iapeer.ChangeSee, iapeer.ChangeSee, iapeer.ChangeAnswer}).Draw(t, "order")
		state := iapeer.Offered
		for _, c := range order {
			next, err := state.Next(c)
			if err != nil {
				t.Fatalf("%s of %s: %v", c, state, err)
			}
			state = next
		}
		if state != iapeer.Answered {
			t.Fatalf("%v ends %s", order, state)
		}
	})
}

func TestRefusedHasNoExits(t *testing.T) {
	for _, c := range iapeer.Changes {
		if got, err := iapeer.Refused.Next(c); err == nil || got != iapeer.Refused {
			t.Errorf("%s of refused = %s, %v", c, got, err)
		}
	}
}
