package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// TestTypingIsNotMerged lets a person leave a half-typed line in a session:
// mail waits until it is gone, and is never sent together with it.
func TestTypingIsNotMerged(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		p := s.person(s.home, "attach", to)
		p.sees("agents")
		p.types("halfaline")
		p.sees("halfaline")
		r := s.send("exec-ops", to, "hello NONCE typing-"+to)
		if r.State != iapeer.Accepted || r.QueuedBy != "composer" {
			t.Errorf("%s: receipt %+v, want one that waits for the composer", to, r)
		}
		p.types("\x15")
		s.reaches(r.ID, iapeer.Answered)
		p.types("\x1d")
		p.ends()
	}
	for _, q := range m.Requests() {
		if strings.Contains(q.User, "halfaline") {
			t.Errorf("the model was asked %q", q.User)
		}
	}
}

// TestControlKeys compacts a conversation and interrupts a turn.
func TestControlKeys(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		sender := "ops-" + to
		s.cli("create", sender, "--runtime", "exec", "--", "true")
		s.send("exec-"+sender, to, "hello NONCE before-"+to, "--wait", "answered")
		if out := s.cli("compact", to); !strings.Contains(out, "compacted") {
			t.Errorf("%s: compact says %q", to, out)
		}
		r := s.send("exec-"+sender, to, "THINK 30 NONCE long-"+to, "--wait", "accepted")
		s.reaches(r.ID, iapeer.Seen)
		s.cli("interrupt", to)
		until(t, to+" to be interrupted", func() bool { return s.message(r.ID).TurnCut })
		other := "eve-" + to // the first sender is told, and has a session of its own now
		s.cli("create", other, "--runtime", "exec", "--", "true")
		after := s.send("exec-"+other, to, "hello NONCE after-"+to, "--wait", "answered")
		if after.State != iapeer.Answered {
			t.Errorf("%s: after the interrupt %+v", to, after)
		}
	}
}

// TestTwoThreads keeps two topics of one peer apart: each wakes its own
// conversation.
func TestTwoThreads(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		session := map[string]string{}
		for _, topic := range []string{"red", "blue", "red", "blue"} {
			r := s.send("exec-ops", to, "hello NONCE "+to+"-"+topic, "--topic", topic, "--wait", "answered")
			if r.Evidence == nil || r.Evidence.Session == "" {
				t.Fatalf("%s: %+v", to, r)
			}
			switch known := session[topic]; {
			case known == "":
				session[topic] = r.Evidence.Session
			case known != r.Evidence.Session:
				t.Errorf("%s: topic %s went to session %s, want %s", to, topic, r.Evidence.Session, known)
			}
			s.cli("sleep", to)
		}
		if session["red"] == session["blue"] {
			t.Errorf("%s: both topics share session %s", to, session["red"])
		}
	}
}

// TestInitialPrompt tells a fresh session what its profile says before its first
// message, and a resumed one nothing.
func TestInitialPrompt(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		s.profile(to, "initial_prompt", "/First read the map-of-"+to)
		for i, topic := range []string{"red", "red"} {
			r := s.send("exec-ops", to, "hello NONCE initial-"+to, "--topic", topic, "--wait", "answered")
			if r.State != iapeer.Answered || r.Evidence == nil {
				t.Fatalf("%s: message %d: %+v", to, i, r)
			}
			if want := []string{"fresh (the first session)", "resumed 'red'"}[i]; r.Session != want {
				t.Errorf("%s: message %d: session %q, want %q", to, i, r.Session, want)
			}
			s.cli("stop", to)
			s.cli("start", to)
		}
		told := 0
		for _, q := range m.Requests() {
			if strings.Contains(q.User, "map-of-"+to) && strings.Contains(q.User, "<iap") {
				told++
			}
		}
		if told == 0 || told > 2 { // claude asks for a title, too
			t.Errorf("%s: the initial prompt came with %d requests, want the first message's only", to, told)
		}
	}
}

// profile sets one key of a peer's profile, as a person does with an editor.
func (s *sandbox) profile(name, key string, value any) {
	s.t.Helper()
	path := iapeer.Profile(s.paths.PeerHome(iapeer.Name(name)))
	b, err := os.ReadFile(path)
	var profile map[string]any
	if err == nil {
		err = json.Unmarshal(b, &profile)
	}
	if err == nil {
		profile[key] = value
		b, err = json.MarshalIndent(profile, "", "  ")
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestPersonResumesTheLastThread: what a person writes without a topic goes on
// with what was talked of last, unless they want it otherwise.
func TestPersonResumesTheLastThread(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	say := func(text string, more ...string) iapeer.SendResult {
		t.Helper()
		p := s.person(s.home, append([]string{"send", "anna", text, "--wait", "answered", "--json"}, more...)...)
		p.ends()
		out := p.text()
		var r iapeer.SendResult
		if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):strings.LastIndex(out, "}")+1]), &r); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		s.cli("stop", "anna")
		s.cli("start", "anna")
		return r
	}
	first := say("hello NONCE person1", "--topic", "blue")
	second := say("hello NONCE person2")
	third := say("hello NONCE person3", "--fresh")
	if second.Evidence.Session != first.Evidence.Session || !strings.HasPrefix(second.Session, "resumed") {
		t.Errorf("without a topic: %q in %s, want the last thread %s", second.Session, second.Evidence.Session, first.Evidence.Session)
	}
	if third.Evidence.Session == first.Evidence.Session || !strings.HasPrefix(third.Session, "fresh") {
		t.Errorf("--fresh: %q in %s, want another session than %s", third.Session, third.Evidence.Session, first.Evidence.Session)
	}
}
