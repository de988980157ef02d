package runtimes_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

// launchOf is a start of anna on rt in /w.
func launchOf(rt iapeer.Runtime) runtimes.Launch {
	return runtimes.Launch{
		Identity: iapeer.Identity{Runtime: rt, Name: "anna"}, CWD: "/w", Home: "/home/u",
		SessionDir: "/s", DaemonURL: "http://127.0.0.1:8765/mcp", Token: "secret", IapeerBin: "/opt/my apps/iapeer",
		BaseEnv: []string{"HOME=/home/u", "PATH=/base"},
	}
}

func TestArgv(t *testing.T) {
	none, some := "", "Edit,Write"
	for _, tc := range []struct {
		name    string
		adapter runtimes.Adapter
		change  func(*runtimes.Launch)
		want    string // of the words before the overrides of codex
	}{
		{"claude bare", runtimes.Claude(), func(*runtimes.Launch) {},
			"claude --dangerously-skip-permissions --disallowedTools AskUserQuestion,SendMessage,ListAgents --settings /s/settings.json --mcp-config /s/mcp.json"},
		{"claude gated, new id", runtimes.Claude(), func(l *runtimes.Launch) { l.Gated, l.NewID, l.Bin = true, "id-1", "/bin/claude" },
			"/bin/claude --permission-mode default --disallowedTools AskUserQuestion,SendMessage,ListAgents --settings /s/settings.json --mcp-config /s/mcp.json --session-id id-1"},
		{"claude resume, prompt, old", runtimes.Claude(), func(l *runtimes.Launch) {
			l.ResumeID, l.PromptFile, l.DisallowedTools, l.ExtraArgs, l.Version = "id-2", "/p.md", &none, []string{"--foo"}, runtimes.Version{Major: 2, Minor: 1, Patch: 197}
		}, "claude --dangerously-skip-permissions --settings /s/settings.json --mcp-config /s/mcp.json --append-system-prompt-file /p.md --resume id-2 --foo"},
		{"claude replaced prompt, new", runtimes.Claude(), func(l *runtimes.Launch) {
			l.PromptFile, l.ReplacePrompt, l.DisallowedTools, l.Version = "/p.md", true, &some, runtimes.Version{Major: 2, Minor: 1, Patch: 329}
		}, "claude --dangerously-skip-permissions --disallowedTools Edit,Write --settings /s/settings.json --mcp-config /s/mcp.json --system-prompt-file /p.md --system-prompt-snapshot off"},
		{"codex bare", runtimes.Codex(), func(*runtimes.Launch) {},
			"codex --no-alt-screen --no-daemon -C /w --dangerously-bypass-approvals-and-sandbox --dangerously-bypass-hook-trust"},
		{"codex resume, gated", runtimes.Codex(), func(l *runtimes.Launch) { l.ResumeID, l.Gated = "id-3", true },
			"codex resume id-3 --no-alt-screen --no-daemon -C /w -c approval_policy=on-request -c sandbox_mode=workspace-write --dangerously-bypass-hook-trust"},
		{"codex gated, hooks decide", runtimes.Codex(), func(l *runtimes.Launch) { l.Gated, l.Decide = true, true },
			"codex --no-alt-screen --no-daemon -C /w -c approval_policy=on-request -c sandbox_mode=danger-full-access --dangerously-bypass-hook-trust"},
		{"notifier", runtimes.Notifier(), func(l *runtimes.Launch) { l.ExtraArgs = []string{"-v"} }, "notifier-runtime run -v"},
		{"telegram pinned", runtimes.Telegram(), func(l *runtimes.Launch) { l.Bin = "/opt/tg" }, "/opt/tg run"},
		{"exec", runtimes.ExecCommand(), func(l *runtimes.Launch) { l.ExecArgv, l.ExtraArgs = []string{"sh", "-c", "cat"}, []string{"x"} }, "sh -c cat x"},
	} {
		l := launchOf(tc.adapter.Runtime)
		tc.change(&l)
		c, err := tc.adapter.Command(l)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got := c.Argv
		if i := slices.Index(got, "check_for_update_on_startup=false"); i > 0 {
			got = got[:i-1]
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: argv\n got %s\nwant %s", tc.name, s, tc.want)
		}
		for _, word := range c.Argv {
			if strings.Contains(word, "secret") {
				t.Errorf("%s: the token stands in argv", tc.name)
			}
		}
		for path, content := range c.Files {
			if strings.Contains(string(content), "secret") {
				t.Errorf("%s: the token stands in %s", tc.name, path)
			}
		}
	}
}

func TestCodexOverrides(t *testing.T) {
	l := launchOf(iapeer.RuntimeCodex)
	l.Prompt, l.PromptFile, l.Folders, l.ResumeID = "say \"hi\"\n\x01", "/s/p.md", []string{"/a", "/b"}, "id"
	c, err := runtimes.Codex().Command(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`projects={"/w"={trust_level="trusted"}}`,
		`mcp_servers.iapeer.url="http://127.0.0.1:8765/mcp"`,
		`mcp_servers.iapeer.bearer_token_env_var="IAPEER_BEARER"`,
		`mcp_servers.iapeer.env_http_headers={"X-IAPeer-Identity"="PEER_IDENTITY"}`,
		`hooks.Stop=[{hooks=[{type="command",command="'/opt/my apps/iapeer' hook codex Stop",timeout=5}]}]`,
		`developer_instructions="say \"hi\"\n\u0001"`,
	} {
		if !slices.Contains(c.Argv, want) {
			t.Errorf("no override %s in\n%s", want, strings.Join(c.Argv, "\n"))
		}
	}
	if got := strings.Join(c.Argv[len(c.Argv)-4:], " "); got != "--add-dir /a --add-dir /b" {
		t.Errorf("folders: %s", got)
	}
	l.Prompt = strings.Repeat("x", 101<<10)
	var start *runtimes.StartError
	if _, err := runtimes.Codex().Command(l); !errors.As(err, &start) || !strings.Contains(start.Remedy, "replace") {
		t.Errorf("a prompt that argv cannot hold: %v", err)
	}
	l.ReplacePrompt = true
	if c, err = runtimes.Codex().Command(l); err != nil || !slices.Contains(c.Argv, "model_instructions_file=/s/p.md") {
		t.Errorf("replaced prompt: %v", err)
	}
}

func TestEnv(t *testing.T) {
	l := launchOf(iapeer.RuntimeClaude)
	l.BaseEnv = []string{
		"HOME=/home/u", "PATH=/base", "CLAUDECODE=1", "CLAUDE_CODE_SESSION_ID=x", "CLAUDE_CODE_ENTRYPOINT=cli", "CLAUDE_CODE_SSE_PORT=1",
		"CODEX_THREAD_ID=t", "CODEX_SANDBOX=s", "CODEX_SANDBOX_NETWORK_DISABLED=1", "IAPEER_BEARER=old", "PEER_IDENTITY=claude-other",
		"CLAUDE_CODE_USE_BEDROCK=1", "CLAUDE_CODE_USE_VERTEX=1", "CLAUDE_CODE_OAUTH_TOKEN=o", "ANTHROPIC_API_KEY=k", "CLAUDE_EFFORT=high",
		"CODEX_HOME=/c", "NO_PROXY=corp.example", "HTTPS_PROXY=http://proxy", "broken",
	}
	l.ExtraEnv = map[string]string{"PATH": "/launch", "PEER_RUNTIME": "codex", "CLAUDE_CODE_ENTRYPOINT": "mine", "FOO": "bar"}
	c, err := runtimes.Claude().Command(l)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ANTHROPIC_API_KEY=k", "CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN=1", "CLAUDE_CODE_ENTRYPOINT=mine", "CLAUDE_CODE_OAUTH_TOKEN=o",
		"CLAUDE_CODE_USE_BEDROCK=1", "CLAUDE_CODE_USE_VERTEX=1", "CLAUDE_EFFORT=high", "CODEX_HOME=/c", "DISABLE_AUTOUPDATER=1", "FOO=bar",
		"HOME=/home/u", "HTTPS_PROXY=http://proxy", "IAPEER_BEARER=secret", "NO_PROXY=corp.example,127.0.0.1,localhost,::1", "PATH=/launch",
		"PEER_IDENTITY=claude-anna", "PEER_PERSONALITY=anna", "PEER_RUNTIME=claude", "no_proxy=127.0.0.1,localhost,::1",
	}
	if d := cmp.Diff(want, c.Env); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
	for _, tc := range []struct {
		rt      iapeer.Runtime
		has     string
		hasNone string
	}{
		{iapeer.RuntimeCodex, "IAPEER_BEARER=secret", "CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN"},
		{iapeer.RuntimeNotifier, "IAPEER_BEARER_TOKEN=secret", "DISABLE_AUTOUPDATER"},
	} {
		a, err := runtimes.For(tc.rt, false)
		if err != nil {
			t.Fatal(err)
		}
		l := launchOf(tc.rt)
		l.BaseEnv = nil
		c, err := a.Command(l)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(c.Env, "\n")
		if !strings.Contains(all, tc.has) || strings.Contains(all, tc.hasNone) || !strings.Contains(all, "PATH=/home/u/.bun/bin:/home/u/.local/bin:") {
			t.Errorf("%s: environment\n%s", tc.rt, all)
		}
	}
}

func TestClaudeFiles(t *testing.T) {
	l := launchOf(iapeer.RuntimeClaude)
	l.AcceptedRisk, l.Folders, l.Decide, l.Gated = true, []string{"/data"}, true, false
	c, err := runtimes.Claude().Command(l)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Hooks map[string][]struct {
			Hooks []struct {
				Type, Command, URL string
				Headers            map[string]string
				Allowed            []string `json:"allowedEnvVars"`
				Timeout            int
			}
		}
		Permissions struct{ AdditionalDirectories []string }
		TUI         string
		Skip        bool   `json:"skipDangerousModePermissionPrompt"`
		Inbound     string `json:"crossSessionInbound"`
	}
	if err := json.Unmarshal(c.Files["/s/settings.json"], &s); err != nil {
		t.Fatal(err)
	}
	if !s.Skip || s.TUI != "default" || s.Inbound != "refuse" || !slices.Equal(s.Permissions.AdditionalDirectories, []string{"/data"}) {
		t.Errorf("settings: %+v", s)
	}
	for event, groups := range s.Hooks {
		h := groups[0].Hooks[0]
		if event == "SessionStart" {
			if h.Type != "command" || h.Command != "'/opt/my apps/iapeer' hook claude SessionStart" {
				t.Errorf("SessionStart: %+v", h)
			}
			continue
		}
		if h.Type != "http" || !strings.HasPrefix(h.URL, "http://127.0.0.1:8765/hooks/v1/claude/") || h.Headers["Authorization"] != "Bearer ${IAPEER_BEARER}" || h.Timeout == 0 || h.Timeout > 5 {
			t.Errorf("%s: %+v", event, h)
		}
	}
	if d := s.Hooks["PreToolUse"][0].Hooks; len(d) != 2 || d[1].Type != "command" || !strings.Contains(d[1].Command, "hook --decide claude PreToolUse || {") {
		t.Errorf("deciding hook: %+v", d)
	}
	want := []runtimes.Seed{{File: "/home/u/.claude.json", Keys: []string{"projects", "/w", "hasTrustDialogAccepted"}, Value: true, Why: c.Seeds[0].Why}}
	if d := cmp.Diff(want, c.Seeds); d != "" {
		t.Errorf("seeds (-want +got):\n%s", d)
	}
	l.AcceptedRisk, l.ExtraEnv = false, map[string]string{"CLAUDE_CONFIG_DIR": "/cfg"}
	c, err = runtimes.Claude().Command(l)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(c.Files["/s/settings.json"]), "skipDangerous") {
		t.Error("the bypass warning is skipped though nobody accepted the risk")
	}
	if c.Seeds[0].File != "/cfg/.claude.json" {
		t.Errorf("seed in %s", c.Seeds[0].File)
	}
}

func TestStartRefused(t *testing.T) {
	root := launchOf(iapeer.RuntimeClaude)
	root.IsRoot = true
	for _, tc := range []struct {
		name string
		a    runtimes.Adapter
		l    runtimes.Launch
		want string // part of the remedy; "" for no error
	}{
		{"root", runtimes.Claude(), root, "IS_SANDBOX=1"},
		{"root in a sandbox", runtimes.Claude(), with(root, func(l *runtimes.Launch) { l.BaseEnv = []string{"IS_SANDBOX=1"} }), ""},
		{"gated root", runtimes.Claude(), with(root, func(l *runtimes.Launch) { l.Gated = true }), ""},
		{"root codex", runtimes.Codex(), root, ""},
		{"exec without command", runtimes.ExecCommand(), launchOf(iapeer.RuntimeExec), `"exec"`},
	} {
		_, err := tc.a.Command(tc.l)
		var start *runtimes.StartError
		if tc.want == "" && err != nil || tc.want != "" && (!errors.As(err, &start) || !strings.Contains(start.Remedy, tc.want)) {
			t.Errorf("%s: got %v, want a remedy with %q", tc.name, err, tc.want)
		}
	}
}

func with(l runtimes.Launch, change func(*runtimes.Launch)) runtimes.Launch {
	change(&l)
	return l
}

func TestFor(t *testing.T) {
	for _, tc := range []struct {
		rt       iapeer.Runtime
		packaged bool
		kind     runtimes.Kind
		bin      string
	}{
		{"claude", false, runtimes.TUI, "claude"}, {"codex", false, runtimes.TUI, "codex"}, {"exec", false, runtimes.Exec, ""},
		{"telegram", false, runtimes.Router, "telegram-runtime"}, {"notifier", false, runtimes.Router, "notifier-runtime"},
		{"cli", false, runtimes.Inbox, ""}, {"webhook", true, runtimes.Router, "webhook-runtime"}, {"webhook", false, "", ""}, {"", false, "", ""},
	} {
		a, err := runtimes.For(tc.rt, tc.packaged)
		if (err != nil) != (tc.kind == "") || a.Kind != tc.kind || a.Bin != tc.bin {
			t.Errorf("For(%q, %v) = %s %q, %v; want %s %q", tc.rt, tc.packaged, a.Kind, a.Bin, err, tc.kind, tc.bin)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, tc := range []struct {
		a    runtimes.Adapter
		n    iapeer.Nature
		want bool
	}{
		{runtimes.Telegram(), iapeer.Natural, true}, {runtimes.Telegram(), iapeer.Absent, true}, {runtimes.Telegram(), iapeer.Artificial, false},
		{runtimes.Notifier(), iapeer.Absent, true}, {runtimes.Claude(), iapeer.Artificial, true}, {runtimes.Person(), iapeer.Artificial, false},
	} {
		if err := tc.a.Allows(tc.n); (err == nil) != tc.want {
			t.Errorf("%s allows %s: %v, want %v", tc.a.Runtime, tc.n, err, tc.want)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want string // "" for an error
	}{
		{"2.1.329 (Claude Code)\n", "2.1.329"}, {"codex-cli 0.169.0", "0.169.0"}, {"v1.2.3-rc1", "1.2.3"}, {"1.2", ""}, {"", ""}, {"99999999999.1.1", ""},
	} {
		v, err := runtimes.ParseVersion(tc.in)
		if (err != nil) != (tc.want == "") || err == nil && v.String() != tc.want {
			t.Errorf("ParseVersion(%q) = %v, %v; want %s", tc.in, v, err, tc.want)
		}
	}
	old, now := runtimes.Version{Major: 2, Minor: 1, Patch: 196}, runtimes.Version{Major: 2, Minor: 1, Patch: 250}
	if c := runtimes.Claude(); c.Knows(old) || !c.Knows(now) || c.Knows(runtimes.Version{Major: 3}) || c.Knows(runtimes.Version{}) {
		t.Error("claude knows the wrong versions")
	}
	if !runtimes.Notifier().Knows(runtimes.Version{}) {
		t.Error("a router has no versions to know")
	}
	if (runtimes.Version{}).Compare(now) <= 0 || !(runtimes.Version{}).AtLeast(now) || old.AtLeast(now) {
		t.Error("versions compare wrongly")
	}
}
