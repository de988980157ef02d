package onboarding_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// TestCodexReadsOurServer: the real program takes the configuration; the server
// is off for a plain session, which so shows no warning about it, and on for
// one that asks.
func TestCodexReadsOurServer(t *testing.T) {
	codex := agents.Codex(t)
	for _, before := range []string{"", "# mine\nmodel = \"x\"\n", "mcp_servers.other.url = \"http://127.0.0.1:9/\"\n", "mcp_servers = { other = { url = \"http://127.0.0.1:9/\" } }\n", "\ufeff"} {
		w := newWorld(t)
		w.install("codex")
		w.write(".codex/config.toml", before)
		w.init("web")
		for args, want := range map[string]bool{"": false, "mcp_servers.iapeer.enabled=true": true} {
			argv := []string{"mcp", "list", "--json"}
			if args != "" {
				argv = append(argv, "-c", args)
			}
			cmd := exec.Command(codex, argv...)
			cmd.Env = append(cmd.Environ(), "HOME="+w.home, "CODEX_HOME="+w.path(".codex"))
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("codex %q over %q: %v", argv, before, err)
			}
			var servers []struct {
				Name      string
				Enabled   bool
				Transport struct {
					URL    string
					Bearer string `json:"bearer_token_env_var"`
				}
			}
			if err := json.Unmarshal(out, &servers); err != nil {
				t.Fatalf("codex %q: %s: %v", argv, out, err)
			}
			found := false
			for _, s := range servers {
				if s.Name == "iapeer" {
					found = true
					if s.Enabled != want || s.Transport.URL != "http://127.0.0.1:8765/mcp" || s.Transport.Bearer != "IAPEER_BEARER" {
						t.Errorf("over %q with %q: %+v", before, args, s)
					}
				}
			}
			if !found {
				t.Errorf("over %q: codex does not see the server: %s", before, out)
			}
		}
	}
}

// TestClaudeTakesOurServer: the real program reads .mcp.json and uses the server
// without asking, because the person's own settings name it. What claude makes
// of its state file does not keep us from taking our key back.
func TestClaudeTakesOurServer(t *testing.T) {
	for _, version := range []string{agents.ClaudeOld, agents.ClaudeNew} {
		claude := agents.Claude(t, version)
		w := newWorld(t)
		w.install("claude")
		w.write(".claude.json", `{"hasCompletedOnboarding":true}`)
		w.init("web", func(o *iapeer.Onboarding) { o.DaemonURL = "http://127.0.0.1:9/mcp" })
		list := func() string {
			cmd := exec.Command(claude, "mcp", "list")
			cmd.Dir = w.path("web")
			cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("claude %s: %v\n%s", version, err, out)
			}
			return string(out)
		}
		if got := list(); !strings.Contains(got, "iapeer: http://127.0.0.1:9/mcp") || strings.Contains(got, "Pending approval") {
			t.Errorf("claude %s: %s", version, got)
		}
		w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
		if got := list(); strings.Contains(got, "iapeer") {
			t.Errorf("claude %s after remove: %s", version, got)
		}
		if got := w.read(".claude.json"); strings.Contains(got, "hasTrustDialogAccepted\": true") || !strings.Contains(got, "hasCompletedOnboarding") {
			t.Errorf("claude %s: .claude.json after remove: %s", version, got)
		}
	}
}
