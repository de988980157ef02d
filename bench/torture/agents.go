package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/ledger"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

// A model is the scripted model of the real agent programs, and their witness:
// it writes down which messages it is asked about. A message that was typed
// twice stands twice among the user's words of one request.
type model struct {
	script *fakemodel.Server
	books  string
	url    string
	server *http.Server

	mu    sync.Mutex
	known map[iapeer.MessageID]int // how often each stands in one request, at most
	fault error
}

// startModel serves on a free loopback port.
func startModel(books string) (*model, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		return nil, err
	}
	m := &model{script: fakemodel.New(), books: books, url: "http://" + l.Addr().String(), known: map[iapeer.MessageID]int{}}
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = m.server.Serve(l) }()
	return m, nil
}

// ServeHTTP implements [http.Handler].
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodPost && r.Header.Get("Content-Encoding") == "" {
		m.note(userTexts(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m.script.ServeHTTP(w, r)
}

// userTexts returns the user's words of a whole conversation, of Anthropic
// Messages ("messages") and of OpenAI Responses ("input").
func userTexts(body []byte) (texts []string) {
	var req struct {
		Messages, Input []struct {
			Role    string
			Content json.RawMessage
		}
	}
	if json.Unmarshal(body, &req) != nil {
		return nil
	}
	for _, m := range append(req.Messages, req.Input...) {
		var whole string
		var blocks []struct{ Type, Text string }
		switch {
		case m.Role != "user":
		case json.Unmarshal(m.Content, &whole) == nil:
			texts = append(texts, whole)
		case json.Unmarshal(m.Content, &blocks) == nil:
			for _, b := range blocks {
				if b.Type == "text" || b.Type == "input_text" {
					texts = append(texts, b.Text)
				}
			}
		}
	}
	return texts
}

// note writes down what is new in a conversation, in its order.
func (m *model) note(texts []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	here := map[iapeer.MessageID]int{}
	for _, text := range texts {
		var x iapeer.Extractor
		_, _ = x.Write([]byte(text)) // never fails
		for e, ok := x.Next(); ok; e, ok = x.Next() {
			if here[e.ID]++; here[e.ID] <= m.known[e.ID] {
				continue
			}
			m.known[e.ID] = here[e.ID]
			nonce := ledger.Nonce(e.Body)
			err := ledger.Append(m.book(nonce, e.ID), ledger.Entry{ID: e.ID, Nonce: nonce, PID: os.Getpid(), At: time.Now()})
			m.fault = errors.Join(m.fault, err)
		}
	}
}

// book is the ledger of whom the message is for. What the daemon itself says
// names nobody: each such message has a ledger of its own.
func (m *model) book(nonce string, id iapeer.MessageID) string {
	_, to, _, ok := ledger.Parse(nonce)
	if !ok {
		to = "told-" + string(id)
	}
	return filepath.Join(m.books, to)
}

func (m *model) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(m.server.Close(), m.fault)
}

// key is what the programs believe to be their account.
const key = "sk-ant-scripted-model-0123456789"

// agentProgram finds the pinned program of a runtime below the folder of agent
// programs.
func agentProgram(rt iapeer.Runtime) (binEnv, path string, err error) {
	prefix := "claude-" + agents.ClaudeNew
	if rt == iapeer.RuntimeCodex {
		prefix = "codex-" + agents.CodexOnly
	}
	dir := os.Getenv("IAPEER_AGENTS_DIR")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", "", err
		}
		dir = filepath.Join(root, ".cache", "agents")
	}
	path = filepath.Join(dir, prefix, "node_modules", ".bin", string(rt))
	if _, err := os.Stat(path); err != nil {
		return "", "", fmt.Errorf("%s is not installed: make agents", prefix)
	}
	return "IAPEER_" + strings.ToUpper(string(rt)) + "_BIN", path, nil
}

// signIn makes the house one in which the agents are signed in with the
// scripted model. It returns what goes into the environment of sessions.
func (h *house) signIn(m *model) (string, error) {
	for path, text := range map[string]string{
		filepath.Join(h.paths.Home, ".claude.json"): fmt.Sprintf(
			`{"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":[%q],"rejected":[]}}`, key[len(key)-20:]),
		filepath.Join(h.paths.Home, ".codex", "config.toml"): fmt.Sprintf(
			"model = \"fake-model\"\nmodel_provider = \"fake\"\n[model_providers.fake]\nname = \"fake\"\nbase_url = \"%s/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n", m.url),
	} {
		if err := put(path, text, 0o600); err != nil {
			return "", err
		}
	}
	return "IS_SANDBOX=1\nCLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1\nFAKE_KEY=k\nANTHROPIC_BASE_URL=" + m.url + "\nANTHROPIC_API_KEY=" + key + "\n", nil
}
