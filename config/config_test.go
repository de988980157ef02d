package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/config"
)

// load reads a configuration file with that text; "" means no file. env holds
// KEY=VALUE words.
func load(t *testing.T, text string, env []string, flags ...config.Flag) (config.Config, iapeer.Paths, error) {
	t.Helper()
	paths := iapeer.Paths{Root: t.TempDir(), Home: "/home/ada"}
	if text != "" {
		put(t, paths.Config(), text)
	}
	env = append([]string{"USER=ada"}, env...)
	c, err := config.Load(paths, func(key string) string {
		for _, e := range slices.Backward(env) {
			if v, ok := strings.CutPrefix(e, key+"="); ok {
				return v
			}
		}
		return ""
	}, flags...)
	return c, paths, err
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// values compares configurations by what is set, not by where it came from.
var values = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "origins" || f.Name() == "warnings")
}, cmp.Ignore())

func TestDefaults(t *testing.T) {
	c, paths, err := load(t, "", nil)
	want := config.Config{
		Port: 8765, DaemonSocket: paths.RouterSocket(), SockDir: "/tmp", Me: "ada", LogLevel: "info", DetachKey: 0x1d,
		ClaudeBin: "claude", CodexBin: "codex", ClaudeConfigDir: "/home/ada/.claude", CodexHome: "/home/ada/.codex",
		Idle: time.Hour, BootDeadline: 4 * time.Minute, ReadyGate: 2 * time.Minute, CrashLoopMax: 3, CrashLoopWindow: 5 * time.Minute,
		EphemeralQuiet: 20 * time.Second, EphemeralUnarmedIdle: 10 * time.Minute,
		MaxStarting: 4, MemoryPressure: 25, StuckTurn: 30 * time.Minute, ComposerHold: 2 * time.Minute, KeepAwake: "no",
		LoopHops: 30, LoopWindow: 10 * time.Minute, MaxHops: 300,
		SendWait: 20 * time.Second, MessageTTL: iapeer.DefaultTTL, RetainFor: 90 * 24 * time.Hour, RetainBytes: 1 << 30,
		ApprovalTimeout: 5 * time.Minute,
		PaneLogMaxBytes: 16 << 20, PaneLogKeep: 2, PaneLogStaleFor: 14 * 24 * time.Hour, PaneLogDirBytes: 512 << 20,
		DeliveryLogMaxBytes: 5 << 20, DeliveryLogKeep: 5,
	}
	if diff := cmp.Diff(want, c, values); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(c.Warnings()) != 0 {
		t.Errorf("warnings %q", c.Warnings())
	}
	for _, o := range c.Origins() {
		if o.From != config.FromDefault || o.Where != "" {
			t.Errorf("%+v is not a default", o)
		}
	}
}

// One setting is looked up in four places; each takes the setting from all
// those behind it.
func TestPrecedence(t *testing.T) {
	flag := config.Flag{Key: "port", Value: "1"}
	for _, tc := range []struct {
		name, file string
		env        []string
		flags      []config.Flag
		port       int
		from       config.Source
		where      string
	}{
		{name: "default", port: 8765, from: config.FromDefault},
		{name: "file", file: "# c\nport = 3\n", port: 3, from: config.FromFile, where: "/config.toml:2"},
		{name: "env", file: "port = 3\n", env: []string{"IAPEER_PORT=2"}, port: 2, from: config.FromEnv, where: "IAPEER_PORT"},
		{name: "flag", file: "port = 3\n", env: []string{"IAPEER_PORT=2"}, flags: []config.Flag{flag}, port: 1, from: config.FromFlag, where: "--port"},
		{name: "empty variable", file: "port = 3\n", env: []string{"IAPEER_PORT="}, port: 3, from: config.FromFile, where: "/config.toml:1"},
		{name: "what cannot be used leaves the next", file: "port = 3\n", env: []string{"IAPEER_PORT=NaN"}, port: 3, from: config.FromFile, where: "/config.toml:1"},
	} {
		c, paths, err := load(t, tc.file, tc.env, tc.flags...)
		i := slices.IndexFunc(c.Origins(), func(o config.Origin) bool { return o.Key == "port" })
		o := c.Origins()[i]
		if err != nil || c.Port != tc.port || o.From != tc.from || strings.TrimPrefix(o.Where, paths.Root) != tc.where {
			t.Errorf("%s: port %d from %s %s, %v", tc.name, c.Port, o.From, o.Where, err)
		}
	}
}

func TestValues(t *testing.T) {
	for _, tc := range []struct {
		env  string
		got  func(config.Config) any
		want any
		warn bool
	}{
		{"IAPEER_PORT=9999", func(c config.Config) any { return c.Port }, 9999, false},
		{"IAPEER_PORT=65535", func(c config.Config) any { return c.Port }, 65535, false},
		{"IAPEER_PORT=65536", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT=0", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT=-1", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT=NaN", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT= 9999", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT=9999abc", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_PORT=1e3", func(c config.Config) any { return c.Port }, 8765, true},
		{"IAPEER_IDLE_SECS=45", func(c config.Config) any { return c.Idle }, 45 * time.Second, false},
		{"IAPEER_IDLE_SECS=0.5", func(c config.Config) any { return c.Idle }, 500 * time.Millisecond, false},
		{"IAPEER_IDLE_SECS=0", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=-5", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=NaN", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=Inf", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=1e300", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=1e-300", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_IDLE_SECS=soon", func(c config.Config) any { return c.Idle }, time.Hour, true},
		{"IAPEER_EPHEMERAL_QUIET_SECS=45", func(c config.Config) any { return c.EphemeralQuiet }, 45 * time.Second, false},
		{"IAPEER_SEND_WAIT_SECS=0", func(c config.Config) any { return c.SendWait }, time.Duration(0), false},
		{"IAPEER_CRASHLOOP_MAX=5", func(c config.Config) any { return c.CrashLoopMax }, 5, false},
		{"IAPEER_CRASHLOOP_MAX=0", func(c config.Config) any { return c.CrashLoopMax }, 3, true},
		{"IAPEER_CRASHLOOP_MAX=2.5", func(c config.Config) any { return c.CrashLoopMax }, 3, true},
		{"IAPEER_PANELOG_KEEP=0", func(c config.Config) any { return c.PaneLogKeep }, 0, false},
		{"IAPEER_PANELOG_MAX_BYTES=33554432", func(c config.Config) any { return c.PaneLogMaxBytes }, int64(32 << 20), false},
		{"IAPEER_PANELOG_MAX_BYTES=1", func(c config.Config) any { return c.PaneLogMaxBytes }, int64(9 << 20), false},
		{"IAPEER_RETAIN_BYTES=2GiB", func(c config.Config) any { return c.RetainBytes }, int64(2 << 30), false},
		{"IAPEER_RETAIN_BYTES=3 mb", func(c config.Config) any { return c.RetainBytes }, int64(3 << 20), false},
		{"IAPEER_RETAIN_BYTES=7B", func(c config.Config) any { return c.RetainBytes }, int64(7), false},
		{"IAPEER_RETAIN_BYTES=99999999T", func(c config.Config) any { return c.RetainBytes }, int64(1 << 30), true},
		{"IAPEER_RETAIN_BYTES=1KK", func(c config.Config) any { return c.RetainBytes }, int64(1 << 30), true},
		{"IAPEER_RETAIN_BYTES=G", func(c config.Config) any { return c.RetainBytes }, int64(1 << 30), true},
		{"IAPEER_RETAIN_DAYS=1", func(c config.Config) any { return c.RetainFor }, 24 * time.Hour, false},
		{"IAPEER_MESSAGE_TTL_DAYS=0.5", func(c config.Config) any { return c.MessageTTL }, 12 * time.Hour, false},
		{"IAPEER_ME=Ada", func(c config.Config) any { return string(c.Me) }, "ada", true},
		{"IAPEER_ME=eve", func(c config.Config) any { return string(c.Me) }, "eve", false},
		{"USER=Наталья", func(c config.Config) any { return string(c.Me) }, "natalya", false},
		{"IAPEER_ACCEPT_RISK=1", func(c config.Config) any { return c.AcceptRisk }, config.Yes, false},
		{"IAPEER_ACCEPT_RISK=TRUE", func(c config.Config) any { return c.AcceptRisk }, config.Yes, false},
		{"IAPEER_ACCEPT_RISK=no", func(c config.Config) any { return c.AcceptRisk }, config.No, false},
		{"IAPEER_ACCEPT_RISK=maybe", func(c config.Config) any { return c.AcceptRisk }, config.Answer(""), true},
		{"IAPEER_DETACH_KEY=ctrl-\\", func(c config.Config) any { return c.DetachKey }, byte(0x1c), false},
		{"IAPEER_DETACH_KEY=^A", func(c config.Config) any { return c.DetachKey }, byte(1), false},
		{"IAPEER_DETACH_KEY=ctrl-m", func(c config.Config) any { return c.DetachKey }, byte(0x1d), true},
		{"IAPEER_DETACH_KEY=ctrl-[", func(c config.Config) any { return c.DetachKey }, byte(0x1d), true},
		{"IAPEER_DETACH_KEY=x", func(c config.Config) any { return c.DetachKey }, byte(0x1d), true},
		{"IAPEER_CLAUDE_BIN=/opt/claude", func(c config.Config) any { return c.ClaudeBin }, "/opt/claude", false},
		{"IAPEER_CLAUDE_BIN=~/claude", func(c config.Config) any { return c.ClaudeBin }, "/home/ada/claude", false},
		{"IAPEER_CODEX_BIN=bin/codex", func(c config.Config) any { return c.CodexBin }, "codex", true},
		{"CODEX_HOME=/srv/codex/", func(c config.Config) any { return c.CodexHome }, "/srv/codex", false},
		{"CLAUDE_CONFIG_DIR=claude", func(c config.Config) any { return c.ClaudeConfigDir }, "/home/ada/.claude", true},
		{"IAPEER_SOCK_DIR= /run/x ", func(c config.Config) any { return c.SockDir }, "/run/x", false},
		{"IAPEER_LOG_LEVEL=DEBUG", func(c config.Config) any { return c.LogLevel }, "debug", false},
		{"IAPEER_LOG_LEVEL=loud", func(c config.Config) any { return c.LogLevel }, "info", true},
		{"IAPEER_BEARER_TOKEN=s3cret", func(c config.Config) any { return c.BearerToken }, "s3cret", false},
		{"IAPEER_BEARER_TOKEN=two words", func(c config.Config) any { return c.BearerToken }, "", true},
	} {
		c, _, err := load(t, "", []string{tc.env})
		if got := tc.got(c); err != nil || got != tc.want {
			t.Errorf("%s gives %v, %v, want %v", tc.env, got, err, tc.want)
		}
		key, _, _ := strings.Cut(tc.env, "=")
		if warned := len(c.Warnings()) == 1 && strings.HasPrefix(c.Warnings()[0], key+": "); warned != tc.warn || len(c.Warnings()) > 1 {
			t.Errorf("%s warns %q, want a warning = %v", tc.env, c.Warnings(), tc.warn)
		}
	}
}

func TestFileValues(t *testing.T) {
	c, paths, err := load(t, `# mine
me = "eve"      # not ada
"port" = 9_000
idle_secs = 1.5
retain_bytes = "2G"
accept_risk = true
codex_home = '~/codex'
claude_bin = ""
log_level = ["a"]
boot_deadline_secs = "12"
prot = 1

[policy]
port = 1
[[rule]]
a.b = 2
`, nil)
	if err != nil || c.Me != "eve" || c.Port != 9000 || c.Idle != 1500*time.Millisecond || c.RetainBytes != 2<<30 || c.AcceptRisk != config.Yes ||
		c.CodexHome != "/home/ada/codex" || c.ClaudeBin != "claude" || c.LogLevel != "info" || c.BootDeadline != 12*time.Second {
		t.Errorf("got %+v, %v", c, err)
	}
	want := []string{
		`/config.toml:9: log_level "[a]" is not used: want one of debug, info, warn, error`,
		"/config.toml:11: unknown key \"prot\"; `iapeer config show` lists the known ones",
		"/config.toml:14: unknown key \"policy.port\"; `iapeer config show` lists the known ones",
		"/config.toml:16: unknown key \"rule.a.b\"; `iapeer config show` lists the known ones",
	}
	got := slices.Clone(c.Warnings())
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], paths.Root)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestMalformedFile(t *testing.T) {
	for _, tc := range []struct {
		text string
		line int
	}{
		{"port = 1\nme = \n", 2},
		{"port = 1\n\nport = 2\n", 3},
		{"port", 1},
		{"[a\n", 1},
		{"a = \"\xff\"\n", 1},
	} {
		c, paths, err := load(t, tc.text, []string{"IAPEER_IDLE_SECS=45"})
		var bad *config.FileError
		if !errors.As(err, &bad) || bad.Line != tc.line || bad.Path != paths.Config() {
			t.Errorf("%q: %v, want line %d", tc.text, err, tc.line)
			continue
		}
		if !strings.Contains(err.Error(), "correct the file, or move it away") {
			t.Errorf("no way out in %q", err)
		}
		if c.Port != 8765 || c.Idle != 45*time.Second {
			t.Errorf("%q: the other sources are lost: %+v", tc.text, c)
		}
	}
}

func TestFileThatIsNone(t *testing.T) {
	paths := iapeer.Paths{Root: t.TempDir(), Home: "/"}
	if err := os.Mkdir(paths.Config(), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(paths, func(string) string { return "" })
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(paths.Config()); err != nil {
		t.Fatal(err)
	}
	put(t, paths.Config(), strings.Repeat("#", 1<<20+1))
	if _, err := config.Load(paths, func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	c, _, err := load(t, "bearer_token = \"hunter 2\"\n", []string{"IAPEER_BEARER_TOKEN=hunter2"})
	if err != nil || c.BearerToken != "hunter2" {
		t.Errorf("got %q, %v", c.BearerToken, err)
	}
	bad, _, _ := load(t, "bearer_token = \"hunter 2\"\n", nil)
	for _, c := range []config.Config{c, bad} {
		for _, o := range c.Origins() {
			if strings.Contains(o.Value, "hunter") {
				t.Errorf("shown: %+v", o)
			}
		}
		for _, w := range c.Warnings() {
			if strings.Contains(w, "hunter") {
				t.Errorf("shown: %s", w)
			}
		}
	}
	if err := config.Set(filepath.Join(t.TempDir(), "c"), "bearer_token", "hunter 2"); err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("got %v", err)
	}
}

func TestOriginsAreSortedAndComplete(t *testing.T) {
	c, _, _ := load(t, "", []string{"IAPEER_ROOT=/srv/x"})
	if !slices.IsSortedFunc(c.Origins(), func(a, b config.Origin) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("not sorted: %+v", c.Origins())
	}
	for _, o := range c.Origins() {
		if o.Doc == "" || o.Value == "" && o.Key != "bearer_token" && o.Key != "accept_risk" {
			t.Errorf("nothing known of %+v", o)
		}
	}
	if filepath.Base(c.SockDir) != "socks" {
		t.Errorf("sock_dir of another root is %s", c.SockDir)
	}
}

func TestClaudeOfItsOwnInstaller(t *testing.T) {
	home := t.TempDir()
	bin := filepath.Join(home, ".local", "bin", "claude")
	if err := os.MkdirAll(filepath.Dir(bin), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, bin, "#!/bin/sh\n")
	c, err := config.Load(iapeer.Paths{Root: home, Home: home}, func(string) string { return "" })
	if err != nil || c.ClaudeBin != bin {
		t.Errorf("got %s, %v, want %s", c.ClaudeBin, err, bin)
	}
}

func TestUnknownFlag(t *testing.T) {
	c, _, err := load(t, "", nil, config.Flag{Key: "prot", Value: "1"})
	if err != nil || len(c.Warnings()) != 1 || !strings.Contains(c.Warnings()[0], `"prot"`) {
		t.Errorf("got %q, %v", c.Warnings(), err)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
