package runtimes_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/runtimes"
)

// TestRealFailure has the model refuse: the record calls the turn failed, and
// the program is idle and takes the next message.
func TestRealFailure(t *testing.T) {
	eachAgent(t, func(t *testing.T, r *rig) { //nolint:thelper // the body of a test
		r.start()
		r.ready()
		env := fromBoris("FAIL 400 NONCE fail1")
		r.paste(env)
		r.taken(env.ID)
		got := r.records(r.named().SessionID, func(x runtimes.Reading) bool { return x.Turn.Cut != "" })
		if got.Turn.Cut != "api_error" || !slices.Equal(got.Turn.IDs, []iapeer.MessageID{env.ID}) {
			t.Errorf("record says %+v", got.Turn)
		}
		r.wait("idle", func() bool { return r.status() == "idle" })
		r.wait("TurnFailed", func() bool { return has[iapeer.TurnFailed](r.events) })
		next := fromBoris("again NONCE next1")
		r.paste(next)
		r.taken(next.ID)
		r.ended("ECHO next1")
	})
}

// TestRealClear empties a composer that a person left text in; the program
// lives on.
func TestRealClear(t *testing.T) {
	eachAgent(t, func(t *testing.T, r *rig) { //nolint:thelper // the body of a test
		r.start()
		r.ready()
		for _, draft := range []string{"a draft", "\x1b[200~one\ntwo\nthree\x1b[201~", "\x1b[200~" + strings.Repeat("line\n", 12) + "\x1b[201~"} {
			r.keys(draft)
			r.wait("the draft", func() bool { s := r.state(); return s.Word == runtimes.ScreenReady && s.Composing })
			r.settle()
			for _, k := range r.a.Clear {
				r.keys(k.Bytes)
				time.Sleep(k.Then)
			}
			r.ready()
		}
		env := fromBoris("hello NONCE clear1")
		r.paste(env)
		r.taken(env.ID)
		r.ended("ECHO clear1")
	})
}

// TestRealDialogs starts without what avoids the dialogs and passes them by
// verified keys, one at a time.
func TestRealDialogs(t *testing.T) {
	eachAgent(t, func(t *testing.T, r *rig) { //nolint:thelper // the body of a test
		r.launch.AcceptedRisk = false // the warning of bypass mode comes up
		r.git()
		r.edit = func(c *runtimes.Command) { // take away what avoids the question of trust
			c.Seeds = nil
			i := slices.IndexFunc(c.Argv, func(w string) bool { return strings.HasPrefix(w, "projects=") })
			if i > 0 {
				c.Argv = slices.Delete(c.Argv, i-1, i+1)
			}
		}
		r.start()
		var met []string
		looked := false
		for {
			r.wait("a dialog or the composer", func() bool { return r.state().Word != runtimes.ScreenUnknown })
			r.settle()
			r.mu.Lock()
			before := shown(r.screen)
			r.mu.Unlock()
			state := r.a.Screen(before)
			if state.Word == runtimes.ScreenReady {
				if looked {
					break
				}
				looked = true // a slow start draws the composer before the dialog that covers it
				continue
			}
			looked = false
			press, ok := r.a.DialogKey(before, true)
			if !ok || len(met) > 20 {
				t.Fatalf("met %v, then %+v\n%s", met, state, before.Last(20))
			}
			met = append(met, press.Dialog)
			r.keys(press.Keys)
			r.wait("an answer to the key", func() bool { return !slices.Equal(before.Rows, shown(r.screen).Rows) })
		}
		want := []string{"trust"}
		if r.a.Runtime == iapeer.RuntimeClaude {
			want = append(want, "bypass mode")
		}
		if got := slices.Compact(met); !slices.Equal(got, want) {
			t.Errorf("dialogs met: %v, want %v", got, want)
		}
	})
}

// TestRealDeadEnds starts as a person would who has not set the program up:
// the screen tells the cause and the remedy.
func TestRealDeadEnds(t *testing.T) {
	for _, tc := range []struct {
		name  string
		a     runtimes.Adapter
		bin   func(t *testing.T) string
		unset func(r *rig)
		want  string
	}{
		{"claude old, key not approved", runtimes.Claude(), claudeBin(agents.ClaudeOld), keyNotApproved, "API key"},
		{"claude new, key not approved", runtimes.Claude(), claudeBin(agents.ClaudeNew), keyNotApproved, "API key"},
		{"codex, no provider", runtimes.Codex(), codexBin, noProvider, "login"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, tc.a, tc.bin(t))
			tc.unset(r)
			r.start()
			r.wait("a dead end", func() bool { return r.state().Word == runtimes.ScreenBlocked })
			r.mu.Lock()
			defer r.mu.Unlock()
			if s := r.state(); s.Dialog != tc.want || s.Cause == "" || s.Remedy == "" {
				t.Errorf("got %+v, want %s", s, tc.want)
			}
		})
	}
}

func claudeBin(version string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		return agents.Claude(t, version)
	}
}

func codexBin(t *testing.T) string {
	t.Helper()
	return agents.Codex(t)
}

func keyNotApproved(r *rig) {
	r.write(filepath.Join(r.home, ".claude.json"), `{"hasCompletedOnboarding":true}`)
}

func noProvider(r *rig) { r.write(filepath.Join(r.home, ".codex", "config.toml"), "") }

// TestRealConfigDir moves claude's folder: seed, record and status file follow.
func TestRealConfigDir(t *testing.T) {
	for _, version := range []string{agents.ClaudeOld, agents.ClaudeNew} {
		t.Run(version, func(t *testing.T) {
			r := newRig(t, runtimes.Claude(), agents.Claude(t, version))
			r.config = filepath.Join(r.home, "elsewhere")
			r.mkdir(r.config)
			r.write(filepath.Join(r.config, ".claude.json"), claudeOnboarded)
			r.launch.BaseEnv = append(r.launch.BaseEnv, "CLAUDE_CONFIG_DIR="+r.config)
			r.start()
			r.ready()
			env := fromBoris("hello NONCE conf1")
			r.paste(env)
			r.taken(env.ID)
			r.records(r.launch.NewID, func(x runtimes.Reading) bool { return x.Messages[env.ID].Seen })
			r.wait("idle", func() bool { return r.status() == "idle" })
		})
	}
}

// TestRealCompact compacts the context by the adapter's keys; the record says
// when it is done, and the session takes the next message.
func TestRealCompact(t *testing.T) {
	eachAgent(t, func(t *testing.T, r *rig) { //nolint:thelper // the body of a test
		r.start()
		r.ready()
		var env iapeer.Envelope
		for _, nonce := range []string{"comp1", "comp2"} { // one turn is too little to compact
			env = fromBoris("hello NONCE " + nonce)
			r.paste(env)
			r.taken(env.ID)
			r.ended("ECHO " + nonce)
		}
		r.ready()
		r.settle()
		for _, k := range r.a.Compact {
			r.keys(k.Bytes)
			time.Sleep(k.Then)
		}
		id := r.named().SessionID
		got := r.records(id, func(x runtimes.Reading) bool { return x.Compacts == 1 })
		if !got.Messages[env.ID].Seen {
			t.Errorf("record says %+v", got)
		}
		r.wait("idle", func() bool { return r.status() == "idle" })
		next := fromBoris("again NONCE comp3")
		r.paste(next)
		r.taken(next.ID)
		r.ended("ECHO comp3")
	})
}
