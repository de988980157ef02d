package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

// The peers of the story. Ada asks, bob answers.
const (
	ada = "ada"
	bob = "bob"
)

// What is said. The scripted model does what a text's CALL and THINK say.
const (
	question = "What is 6 × 7?"
	answer   = "42"
)

// A cast plays the two peers.
type cast interface {
	// enter makes the peers and says who plays them.
	enter(ctx context.Context) (who string, err error)
	// texts are what the person says: to ada that she ask bob, to bob what
	// takes him long, and what comes behind it.
	texts() (ask, slow, next string)
	// finish lets the long turn end. It may end by itself.
	finish() error
	// given counts how often the program behind a peer was given a message, by
	// its own account.
	given(iapeer.MessageID) int
}

// scripts are two commands: nothing needs to be installed.
type scripts struct{ s *sandbox }

const adaScript = `in=$(cat); printf '%s\n' "$in" >> given
case $in in *"Ask bob"*) iapeer send bob "` + question + `" >/dev/null && echo "I asked bob.";; esac`

const bobScript = `in=$(cat); printf '%s\n' "$in" >> given
case $in in
*"6 × 7"*) echo $((6 * 7));;
*slow*) while [ ! -e finish ]; do sleep 0.02; done; echo "That took me long.";;
*) echo "Gladly.";;
esac`

func (c *scripts) enter(ctx context.Context) (string, error) {
	for name, script := range map[string]string{ada: adaScript, bob: bobScript} {
		if _, err := c.s.iapeer(ctx, "create", name, "--runtime", "exec", "--", "sh", "-c", script); err != nil {
			return "", err
		}
	}
	return "ada and bob, both asleep; each is a shell script (runtime exec)", nil
}

func (*scripts) texts() (ask, slow, next string) {
	return "Ask bob: what is 6 × 7?", "Something slow, please.", "And then say goodbye."
}

func (c *scripts) finish() error {
	return c.s.write(filepath.Join(c.s.paths.PeerHome(bob), "finish"), "")
}

// given reads what the scripts themselves wrote down.
func (c *scripts) given(id iapeer.MessageID) int {
	n := 0
	for _, name := range []iapeer.Name{ada, bob} {
		b, _ := os.ReadFile(filepath.Join(c.s.paths.PeerHome(name), "given")) // none yet
		n += count(iapeer.EnvelopeIDs(string(b)), id)
	}
	return n
}

// agentCast is claude and codex with a scripted model, which also counts what
// it was asked.
type agentCast struct {
	s     *sandbox
	dir   string
	model *fakemodel.Server
}

// modelKey is what the programs are signed in with; claude remembers the end of
// a key that a person approved.
const modelKey = "sk-ant-scripted-model-0123456789"

func (c *agentCast) enter(ctx context.Context) (string, error) {
	if err := c.signIn(ctx); err != nil {
		return "", err
	}
	claude := filepath.Join(c.dir, "claude-"+agents.ClaudeNew, "node_modules", ".bin", "claude")
	codex := filepath.Join(c.dir, "codex-"+agents.CodexOnly, "node_modules", ".bin", "codex")
	c.s.env = append(c.s.env, "IAPEER_CLAUDE_BIN="+claude, "IAPEER_CODEX_BIN="+codex)
	for name, rt := range map[string]string{ada: "claude", bob: "codex"} {
		if _, err := c.s.iapeer(ctx, "create", name, "--runtime", rt); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("ada (claude %s) and bob (codex %s), both asleep; their model is scripted", agents.ClaudeNew, agents.CodexOnly), nil
}

// signIn starts the model and makes the sandbox a home in which both programs
// are signed in with it.
func (c *agentCast) signIn(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.model = fakemodel.New()
	go func() { _ = http.Serve(l, c.model) }() //nolint:gosec // loopback, and only until the demo ends
	url := "http://" + l.Addr().String()
	err = c.s.write(filepath.Join(c.s.home, ".claude.json"), fmt.Sprintf(
		`{"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":[%q],"rejected":[]}}`, modelKey[len(modelKey)-20:]))
	if err != nil {
		return err
	}
	err = c.s.write(filepath.Join(c.s.home, ".codex", "config.toml"), fmt.Sprintf(`model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "%s/v1"
env_key = "SCRIPTED_KEY"
wire_api = "responses"
`, url))
	if err != nil {
		return err
	}
	return c.s.environment(
		"PATH="+os.Getenv("PATH"), "LANG=C.UTF-8", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"IS_SANDBOX=1", // claude runs for root only where this says that nothing can be harmed
		"ANTHROPIC_BASE_URL="+url, "ANTHROPIC_API_KEY="+modelKey, "SCRIPTED_KEY=any",
	)
}

func (*agentCast) texts() (ask, slow, next string) {
	call := func(to, text string) string {
		return fmt.Sprintf(`CALL send_to_peer {"personality": %q, "message": %q}`, to, text)
	}
	return "Ask bob: what is 6 × 7? " + call(bob, question+" "+call(ada, answer)) + " NONCE bob-was-asked",
		"Something slow, please. THINK 4 NONCE that-took-me-long", "And then say goodbye. NONCE gladly"
}

func (*agentCast) finish() error { return nil }

// given counts the turns that the model began for a message. A request without
// tools is no turn: programs ask for a title in one.
func (c *agentCast) given(id iapeer.MessageID) int {
	n := 0
	for _, r := range c.model.Requests() {
		if len(r.Tools) > 0 && len(r.Results) == 0 && slices.Contains(iapeer.EnvelopeIDs(r.User), id) {
			n++
		}
	}
	return n
}

func count(ids []iapeer.MessageID, id iapeer.MessageID) int {
	n := 0
	for _, x := range ids {
		if x == id {
			n++
		}
	}
	return n
}

// spoken is the part of a text that is meant for people.
func spoken(text string) string {
	for _, script := range []string{" CALL ", " THINK ", " NONCE "} {
		text, _, _ = strings.Cut(text, script)
	}
	return text
}
