package config

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/spelling"
)

// A setting is one thing that can be set.
type setting struct {
	key     string // in config.toml
	env     string
	initial string                      // default, written as a value would be; "" if made by make
	make    func(surroundings) string   // default that depends on the surroundings
	secret  bool                        // its value is never shown
	bare    bool                        // a number: written without quotes into the file
	unit    string                      // what a value looks like, for the documentation
	doc     string                      // what it does
	set     func(*Config, string) error // parses a value and keeps it
	path    bool                        // "~/" stands for the home folder
}

// surroundings are what defaults are made of.
type surroundings struct {
	paths  iapeer.Paths
	getenv func(string) string
}

// Units that several settings share.
const (
	seconds   = "seconds"
	days      = "days"
	bytesUnit = "bytes, or with K, M, G (powers of 1024)"
	count     = "a whole number"
	program   = "path, or a name on PATH"
	folder    = "absolute path"
)

// minPaneLogBytes is the smallest useful bound of a pane log: the 8 MiB that
// shortening leaves of it, and room to grow.
const minPaneLogBytes = 9 << 20

// Limits that no one needs to exceed and that keep arithmetic safe.
const (
	maxSeconds = 100 * 365 * 24 * 60 * 60
	maxDays    = 100 * 365
	maxCount   = 1_000_000
	maxSize    = 1 << 50
)

// maxApprovalWait, in milliseconds, keeps the daemon's deadline below that of the
// hooks that wait for it, which a runtime may take for a yes.
const maxApprovalWait = 590_000

// settings is every setting, in the order of the documentation.
var settings = []setting{
	{key: "me", env: "IAPEER_ME", make: personName, unit: "a peer's name", doc: "The name of the person at the terminal as a peer.",
		set: into(func(c *Config) *iapeer.Name { return &c.Me }, iapeer.ParseName)},
	{key: "accept_risk", env: "IAPEER_ACCEPT_RISK", unit: "yes or no", doc: "The person's answer to what agents that bypass permission prompts may do; until it is yes, new peers ask.",
		set: into(func(c *Config) *Answer { return &c.AcceptRisk }, parseAnswer)},
	{key: "port", env: "IAPEER_PORT", initial: "8765", bare: true, unit: "1 to 65535", doc: "The daemon's TCP port on 127.0.0.1.",
		set: into(func(c *Config) *int { return &c.Port }, parsePort)},
	{key: "daemon_socket", env: "IAPEER_DAEMON_SOCKET", make: routerSocket, path: true, unit: folder, doc: "The daemon's unix socket.",
		set: into(func(c *Config) *string { return &c.DaemonSocket }, parseAbsolute)},
	{key: "sock_dir", env: "IAPEER_SOCK_DIR", make: sockDir, path: true, unit: folder, doc: "Folder of the session sockets that older programs look for.",
		set: into(func(c *Config) *string { return &c.SockDir }, parseAbsolute)},
	{key: "bearer_token", env: "IAPEER_BEARER_TOKEN", secret: true, unit: "text", doc: "A token that every request must carry besides coming from the same user.",
		set: into(func(c *Config) *string { return &c.BearerToken }, parseToken)},
	{key: "log_level", env: "IAPEER_LOG_LEVEL", initial: "info", unit: "debug, info, warn or error", doc: "How much the daemon writes to its log.",
		set: into(func(c *Config) *string { return &c.LogLevel }, oneOf("debug", "info", "warn", "error"))},
	{key: "detach_key", env: "IAPEER_DETACH_KEY", initial: "ctrl-]", unit: "ctrl- and a letter or one of ]\\^_", doc: "The key that leaves an attached session.",
		set: into(func(c *Config) *byte { return &c.DetachKey }, parseControlKey)},

	{key: "claude_bin", env: "IAPEER_CLAUDE_BIN", make: claudeProgram, path: true, unit: program, doc: "The claude program.",
		set: into(func(c *Config) *string { return &c.ClaudeBin }, parseProgram)},
	{key: "codex_bin", env: "IAPEER_CODEX_BIN", initial: "codex", path: true, unit: program, doc: "The codex program.",
		set: into(func(c *Config) *string { return &c.CodexBin }, parseProgram)},
	{key: "claude_config_dir", env: "CLAUDE_CONFIG_DIR", initial: "~/.claude", path: true, unit: folder, doc: "Where claude keeps its settings and records.",
		set: into(func(c *Config) *string { return &c.ClaudeConfigDir }, parseAbsolute)},
	{key: "codex_home", env: "CODEX_HOME", initial: "~/.codex", path: true, unit: folder, doc: "Where codex keeps its settings and records.",
		set: into(func(c *Config) *string { return &c.CodexHome }, parseAbsolute)},

	{key: "idle_secs", env: "IAPEER_IDLE_SECS", initial: "3600", bare: true, unit: seconds, doc: "A session unused for so long is parked; the next message resumes it.",
		set: into(func(c *Config) *time.Duration { return &c.Idle }, parseSpan(time.Second, maxSeconds))},
	{key: "boot_deadline_secs", env: "IAPEER_BOOT_DEADLINE_SECS", initial: "240", bare: true, unit: seconds, doc: "A session that is not ready after so long has failed to start.",
		set: into(func(c *Config) *time.Duration { return &c.BootDeadline }, parseSpan(time.Second, maxSeconds))},
	{key: "ready_gate_secs", env: "IAPEER_READY_GATE_SECS", initial: "120", bare: true, unit: seconds, doc: "How long a session may take to show that it took its first message.",
		set: into(func(c *Config) *time.Duration { return &c.ReadyGate }, parseSpan(time.Second, maxSeconds))},
	{key: "crashloop_max", env: "IAPEER_CRASHLOOP_MAX", initial: "3", bare: true, unit: count, doc: "So many deaths within the window make a peer rest.",
		set: into(func(c *Config) *int { return &c.CrashLoopMax }, parseCount(1))},
	{key: "crashloop_window_secs", env: "IAPEER_CRASHLOOP_WINDOW_SECS", initial: "300", bare: true, unit: seconds, doc: "The window in which deaths are counted.",
		set: into(func(c *Config) *time.Duration { return &c.CrashLoopWindow }, parseSpan(time.Second, maxSeconds))},
	{key: "ephemeral_quiet_secs", env: "IAPEER_EPHEMERAL_QUIET_SECS", initial: "20", bare: true, unit: seconds, doc: "An ephemeral session that has replied ends after so long.",
		set: into(func(c *Config) *time.Duration { return &c.EphemeralQuiet }, parseSpan(time.Second, maxSeconds))},
	{key: "ephemeral_unarmed_idle_secs", env: "IAPEER_EPHEMERAL_UNARMED_IDLE_SECS", initial: "600", bare: true, unit: seconds, doc: "An ephemeral session that has not replied ends after being idle for so long.",
		set: into(func(c *Config) *time.Duration { return &c.EphemeralUnarmedIdle }, parseSpan(time.Second, maxSeconds))},

	{key: "max_starting", env: "IAPEER_MAX_STARTING", initial: "4", bare: true, unit: "a whole number; 0 sets no limit", doc: "So many sessions start at one time; others wait for their turn.",
		set: into(func(c *Config) *int { return &c.MaxStarting }, parseCount(0))},
	{key: "max_live", env: "IAPEER_MAX_LIVE", initial: "0", bare: true, unit: "a whole number; 0 sets no limit", doc: "So many sessions live at one time; the one idle longest is parked to make room.",
		set: into(func(c *Config) *int { return &c.MaxLive }, parseCount(0))},
	{key: "memory_pressure_percent", env: "IAPEER_MEMORY_PRESSURE_PERCENT", initial: "25", bare: true, unit: "a whole number; 0 looks at no memory", doc: "While tasks stall for lack of memory for more than this part of the time, no further session starts (Linux).",
		set: into(func(c *Config) *int { return &c.MemoryPressure }, parseCount(0))},
	{key: "stuck_turn_secs", env: "IAPEER_STUCK_TURN_SECS", initial: "1800", bare: true, unit: "seconds; 0 does not look", doc: "A turn that gives no sign for so long raises a notice.",
		set: into(func(c *Config) *time.Duration { return &c.StuckTurn }, orZero(parseSpan(time.Second, maxSeconds)))},
	{key: "composer_hold_ms", env: "IAPEER_COMPOSER_QUEUE_TIMEOUT_MS", initial: "120000", bare: true, unit: "milliseconds", doc: "When a half-typed line keeps a message waiting for so long, the person and the sender are told.",
		set: into(func(c *Config) *time.Duration { return &c.ComposerHold }, parseSpan(time.Millisecond, maxSeconds))},

	{key: "keep_awake", env: "IAPEER_KEEP_AWAKE", initial: "no", unit: "no or busy", doc: "busy: the machine does not go to sleep while a session works (systemd-inhibit, caffeinate).",
		set: into(func(c *Config) *string { return &c.KeepAwake }, oneOf("no", "busy"))},
	{key: "loop_hops", env: "IAPEER_LOOP_HOPS", initial: "30", bare: true, unit: "a whole number; 0 sets no limit", doc: "When agents answer each other so often within the window, without a person, the next message is held.",
		set: into(func(c *Config) *int { return &c.LoopHops }, parseCount(0))},
	{key: "loop_window_secs", env: "IAPEER_LOOP_WINDOW_SECS", initial: "600", bare: true, unit: seconds, doc: "The window in which these answers are counted.",
		set: into(func(c *Config) *time.Duration { return &c.LoopWindow }, parseSpan(time.Second, maxSeconds))},
	{key: "max_hops", env: "IAPEER_MAX_HOPS", initial: "300", bare: true, unit: "a whole number; 0 sets no limit", doc: "So many messages in a row may cause each other without a person, at whatever pace; the next one is held.",
		set: into(func(c *Config) *int { return &c.MaxHops }, parseCount(0))},

	{key: "approval_timeout_ms", env: "IAPEER_APPROVAL_TIMEOUT_MS", initial: "300000", bare: true, unit: "milliseconds, at most 590000", doc: "A request for a person's approval that nobody answers within it is denied.",
		set: into(func(c *Config) *time.Duration { return &c.ApprovalTimeout }, parseSpan(time.Millisecond, maxApprovalWait))},
	{key: "send_wait_secs", env: "IAPEER_SEND_WAIT_SECS", initial: "20", bare: true, unit: "seconds; 0 does not wait", doc: "How long a send waits for the evidence that the message was seen.",
		set: into(func(c *Config) *time.Duration { return &c.SendWait }, orZero(parseSpan(time.Second, maxSeconds)))},
	{key: "message_ttl_days", env: "IAPEER_MESSAGE_TTL_DAYS", initial: "7", bare: true, unit: days, doc: "A message that was not offered to its recipient by then expires.",
		set: into(func(c *Config) *time.Duration { return &c.MessageTTL }, parseSpan(24*time.Hour, maxDays))},
	{key: "retain_days", env: "IAPEER_RETAIN_DAYS", initial: "90", bare: true, unit: days, doc: "Messages that are settled are forgotten after so long.",
		set: into(func(c *Config) *time.Duration { return &c.RetainFor }, parseSpan(24*time.Hour, maxDays))},
	{key: "retain_bytes", env: "IAPEER_RETAIN_BYTES", initial: "1G", unit: bytesUnit, doc: "When the messages take more, settled ones are forgotten, oldest first.",
		set: into(func(c *Config) *int64 { return &c.RetainBytes }, parseSize(1))},

	{key: "panelog_max_bytes", env: "IAPEER_PANELOG_MAX_BYTES", initial: "16M", unit: bytesUnit, doc: "A session's terminal log that outgrows it is shortened; at least 9M.",
		set: into(func(c *Config) *int64 { return &c.PaneLogMaxBytes }, parseSize(minPaneLogBytes))},
	{key: "panelog_keep", env: "IAPEER_PANELOG_KEEP", initial: "2", bare: true, unit: count, doc: "Older copies kept of a terminal log.",
		set: into(func(c *Config) *int { return &c.PaneLogKeep }, parseCount(0))},
	{key: "panelog_stale_days", env: "IAPEER_PANELOG_STALE_DAYS", initial: "14", bare: true, unit: days, doc: "Terminal logs untouched for so long are deleted.",
		set: into(func(c *Config) *time.Duration { return &c.PaneLogStaleFor }, parseSpan(24*time.Hour, maxDays))},
	{key: "panelog_dir_budget", env: "IAPEER_PANELOG_DIR_BUDGET", initial: "512M", unit: bytesUnit, doc: "When all terminal logs take more, the oldest copies are deleted.",
		set: into(func(c *Config) *int64 { return &c.PaneLogDirBytes }, parseSize(1))},
	{key: "delivery_log_max_bytes", env: "IAPEER_DELIVERY_LOG_MAX_BYTES", initial: "5M", unit: bytesUnit, doc: "A delivery log that would outgrow it is set aside.",
		set: into(func(c *Config) *int64 { return &c.DeliveryLogMaxBytes }, parseSize(1))},
	{key: "delivery_log_keep", env: "IAPEER_DELIVERY_LOG_KEEP", initial: "5", bare: true, unit: count, doc: "Older delivery logs kept.",
		set: into(func(c *Config) *int { return &c.DeliveryLogKeep }, parseCount(0))},
}

// find returns the setting called key.
func find(key string) (setting, bool) {
	for _, s := range settings {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

// personName makes a name of the person's login name; it is "" when none can be
// made.
func personName(s surroundings) string {
	for _, login := range []string{s.getenv("USER"), s.getenv("LOGNAME"), account()} {
		if name, err := spelling.FromFolder(login); err == nil {
			return string(name)
		}
	}
	return ""
}

// account is the login name of the process, which a service manager may not
// put into the environment.
func account() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// claudeProgram is where claude's own installer puts it, or else whatever PATH
// finds.
func claudeProgram(s surroundings) string {
	path := filepath.Join(s.paths.Home, ".local", "bin", "claude")
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return path
	}
	return "claude"
}

func routerSocket(s surroundings) string { return s.paths.RouterSocket() }

// sockDir keeps the sockets of another root away from those of the usual one.
func sockDir(s surroundings) string {
	if strings.TrimSpace(s.getenv("IAPEER_ROOT")) != "" {
		return filepath.Join(s.paths.Root, "socks")
	}
	return "/tmp"
}
