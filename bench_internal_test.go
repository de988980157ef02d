package iapeer

import (
	"strings"
	"testing"
	"time"
)

// benchEnvelope is a message of ordinary size.
func benchEnvelope() Envelope {
	return Envelope{ID: "m-0123456789", From: Identity{Runtime: "claude", Name: "boris"}, FromNature: Artificial,
		SentAt: time.Now(), Topic: "deploy", Body: strings.Repeat("0123456789abcde\n", 64), Hops: 1, Proof: ProofSession}
}

func BenchmarkWire(b *testing.B) {
	e := benchEnvelope()
	b.ReportAllocs()
	for b.Loop() {
		if e.Wire() == "" {
			b.Fatal("empty")
		}
	}
}

func BenchmarkAgent(b *testing.B) {
	e, now := benchEnvelope(), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if e.Agent(now) == "" {
			b.Fatal("empty")
		}
	}
}

func BenchmarkDecodeEnvelope(b *testing.B) {
	wire := benchEnvelope().Wire()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEnvelope(wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvelopeIDs(b *testing.B) {
	text := benchEnvelope().Agent(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if len(EnvelopeIDs(text)) != 1 {
			b.Fatal("no id")
		}
	}
}

// Allocations gate the codec's cost; wall time is noise. The bounds leave room
// for the race detector's own.
func TestCodecAllocations(t *testing.T) {
	e, now := benchEnvelope(), time.Now()
	wire, agent := e.Wire(), e.Agent(now)
	for _, tc := range []struct {
		name string
		most float64
		run  func()
	}{
		{"Wire", 15, func() { _ = e.Wire() }},
		{"Agent", 18, func() { _ = e.Agent(now) }},
		{"DecodeEnvelope", 40, func() { _, _ = DecodeEnvelope(wire) }},
		{"EnvelopeIDs", 95, func() { _ = EnvelopeIDs(agent) }},
	} {
		if got := testing.AllocsPerRun(100, tc.run); got > tc.most {
			t.Errorf("%s: %v allocations, want at most %v", tc.name, got, tc.most)
		}
	}
}
