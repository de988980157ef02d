package fleet_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

func TestEventsResumeWithoutGap(t *testing.T) {
	m := fleettest.New()
	c := listen(t, m)
	m.Tell("one", "two")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for e, err := range c.Events(ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Peer())
		switch e.Peer() {
		case "two": // replayed; the next comes after a cut connection
			m.DropSubscribers()
			m.Tell("three", "four")
		case "four":
			cancel()
		}
	}
	if want := "two three four"; strings.Join(got, " ") != want {
		t.Errorf("events of %q, want %q", got, want)
	}
}

func TestEventsYieldTheLossAndGoOn(t *testing.T) {
	m := fleettest.New()
	getenv := serve(t, fleet.New(m.Deps()))
	c := dial(t, getenv)
	m.Tell("one")
	stopped := dial(t, func(k string) string {
		if k == "IAPEER_DAEMON_SOCKET" {
			return t.TempDir()
		}
		return ""
	})
	for e, err := range stopped.Events(t.Context(), 0) {
		if err == nil {
			t.Errorf("an event from no daemon: %v", e)
		}
		break
	}
	for e, err := range c.Events(t.Context(), 1) {
		if err != nil || e.Name != "peer-registered" || e.Source != "lifecycle" || e.At.IsZero() {
			t.Errorf("event %+v, %v", e, err)
		}
		break
	}
}

// TestEventsOnTheWire reads the stream as a foreign program does.
func TestEventsOnTheWire(t *testing.T) {
	m := fleettest.New()
	m.Tell("one")
	stopping := make(chan struct{})
	d := m.Deps()
	d.Stopping = stopping
	srv := httptest.NewServer(fleet.New(d))
	defer srv.Close()
	res, err := http.Get(srv.URL + "/fleet/v1/events?replay=5")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	var lines []string
	for sc.Scan() {
		if lines = append(lines, sc.Text()); strings.HasPrefix(sc.Text(), "data: ") {
			close(stopping)
		}
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{": connected\n", "event: peer-registered\nid: 1750000000000-1\ndata: {", `"personality":"one"`, `"src":"lifecycle"`, `"ev":"peer-registered"`, "retry: 1000"} {
		if !strings.Contains(text, want) {
			t.Errorf("the stream lacks %q:\n%s", want, text)
		}
	}
}

func TestEventID(t *testing.T) {
	for _, tc := range []struct {
		in    string
		epoch int64
		seq   uint64
	}{
		{client.EventID(fleettest.Epoch, 7), fleettest.Epoch, 7},
		{"", 0, 0},
		{"7", 0, 0},
		{"x-7", 0, 0},
		{"-1-7", 0, 0},
	} {
		if e, s := client.ParseEventID(tc.in); e != tc.epoch || s != tc.seq {
			t.Errorf("ParseEventID(%q) = %d, %d, want %d, %d", tc.in, e, s, tc.epoch, tc.seq)
		}
	}
}

func TestEventJSONRoundTrip(t *testing.T) {
	at := time.Date(2025, 6, 15, 15, 6, 40, 0, time.UTC)
	e := client.WireEvent(iapeer.Stamped{Seq: 1, Epoch: 2, At: at, Event: iapeer.PresenceChanged{
		Identity: iapeer.Identity{Runtime: "codex", Name: "bob"}, From: iapeer.Asleep, To: iapeer.Waking, Cause: "message", At: at}})
	b, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var got client.Event
	if err := got.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	if got.Text("to") != "waking" || got.Peer() != "bob" || !got.At.Equal(at) || got.Text("at") != "2025-06-15T15:06:40.000Z" {
		t.Errorf("round trip of %s = %+v", b, got)
	}
}
