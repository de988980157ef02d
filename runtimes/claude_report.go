package runtimes

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// hookPayload is what claude and codex hand a hook, as far as we read it.
type hookPayload struct {
	Event      string            `json:"hook_event_name"`
	Session    string            `json:"session_id"`
	Transcript string            `json:"transcript_path"`
	PromptID   string            `json:"prompt_id"` // claude
	TurnID     string            `json:"turn_id"`   // codex; claude: of one displayed message
	Agent      string            `json:"agent_id"`  // a subagent's, not the session's own
	Prompt     string            `json:"prompt"`
	Text       string            `json:"last_assistant_message"`
	Tool       string            `json:"tool_name"`
	Error      string            `json:"error"`
	Notice     string            `json:"notification_type"`
	Message    string            `json:"message"`
	Trigger    string            `json:"trigger"`
	Reason     string            `json:"reason"`
	Background []json.RawMessage `json:"background_tasks"`
}

// parseHook reads a payload; event, if given, must agree with it.
func parseHook(event string, payload []byte) (hookPayload, error) {
	var p hookPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return p, fmt.Errorf("hook %s: payload is no JSON object: %w", event, err)
	}
	switch {
	case p.Event == "":
		p.Event = event
	case event != "" && event != p.Event:
		return p, fmt.Errorf("hook %s: payload is of event %.40q", event, p.Event)
	}
	if p.Event == "" {
		return p, fmt.Errorf("hook: payload names no hook_event_name")
	}
	return p, nil
}

func (p hookPayload) evidence() iapeer.Evidence {
	return iapeer.Evidence{Source: "hook", Detail: p.Event, Session: p.Session}
}

func (p hookPayload) named() iapeer.SessionNamed {
	return iapeer.SessionNamed{SessionID: p.Session, Transcript: p.Transcript}
}

// claudeHook reads one payload of claude. Payloads of a subagent are not the
// session's own turn and give nothing.
func claudeHook(event string, payload []byte) ([]iapeer.SessionEvent, error) {
	p, err := parseHook(event, payload)
	if err != nil || p.Agent != "" {
		return nil, err
	}
	ev := p.evidence()
	switch p.Event {
	case "SessionStart":
		return []iapeer.SessionEvent{p.named()}, nil
	case "UserPromptSubmit":
		return []iapeer.SessionEvent{p.named(), iapeer.PromptTaken{IDs: iapeer.EnvelopeIDs(p.Prompt), TurnID: p.PromptID, Evidence: ev}}, nil
	case "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "MessageDisplay":
		return []iapeer.SessionEvent{iapeer.TurnMoved{TurnID: p.PromptID, Evidence: ev}}, nil
	case "Stop":
		return []iapeer.SessionEvent{iapeer.TurnEnded{TurnID: p.PromptID, Text: p.Text, Background: len(p.Background), Evidence: ev}}, nil
	case "StopFailure":
		return []iapeer.SessionEvent{iapeer.TurnFailed{
			TurnID: p.PromptID, Reason: failure(p.Error, p.Text), Text: p.Text, ResetsAt: QuotaEnd(p.Text, time.Time{}), Evidence: ev,
		}}, nil
	case "PermissionRequest":
		return []iapeer.SessionEvent{iapeer.SessionWaiting{For: "permission prompt: " + p.Tool, Evidence: ev}}, nil
	case "Notification":
		return claudeNotice(p), nil
	case "PreCompact":
		return []iapeer.SessionEvent{iapeer.SessionBusy{Evidence: ev}}, nil
	case "PostCompact":
		return []iapeer.SessionEvent{iapeer.SessionCompacted{Evidence: ev}}, nil
	}
	return nil, nil
}

// claudeNotice reads a Notification: idle_prompt comes a minute after a turn,
// the others while something waits for a person.
func claudeNotice(p hookPayload) []iapeer.SessionEvent {
	switch p.Notice {
	case "idle_prompt":
		return []iapeer.SessionEvent{iapeer.SessionIdle{Evidence: p.evidence()}}
	case "permission_prompt":
		return []iapeer.SessionEvent{iapeer.SessionWaiting{For: "permission prompt", Evidence: p.evidence()}}
	case "elicitation_dialog":
		return []iapeer.SessionEvent{iapeer.SessionWaiting{For: "question of an MCP server", Evidence: p.evidence()}}
	}
	return nil
}

// failure names why a turn failed. Programs call some quota errors "unknown";
// their text tells more.
func failure(kind, text string) string {
	low := strings.ToLower(text)
	switch {
	case kind != "" && kind != "unknown":
		return kind
	case strings.Contains(low, "usage limit") || strings.Contains(low, "hit your limit") || strings.Contains(low, "rate limit"):
		return "rate_limit"
	case strings.Contains(low, "not logged in") || strings.Contains(low, "please run /login"):
		return "authentication_failed"
	}
	return "api_error"
}

var (
	quotaUnix = regexp.MustCompile(`limit reached\|(\d{10})\b`)
	quotaTime = regexp.MustCompile(`(?i)(?:resets?|try again)(?: at)? (\d{1,2})(?::(\d\d))? ?(am|pm)\b(?: \(([A-Za-z_]+(?:/[A-Za-z_+-]+)*)\))?`)
	quotaWait = regexp.MustCompile(`(?i)try again in ((?:\d{1,4} (?:day|hour|minute|second)s?[ ,]*)+)`)
	quotaPart = regexp.MustCompile(`(?i)(\d{1,4}) (day|hour|minute|second)`)
)

// QuotaEnd finds the moment a quota ends in a program's words at now: Unix
// seconds, a time of day ("resets 3pm (Europe/Berlin)") or a wait ("try again
// in 2 hours 5 minutes"). It is zero where the words name none, and for all but
// the first form when now is zero.
func QuotaEnd(text string, now time.Time) time.Time {
	if m := quotaUnix.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64) // ten digits
		return time.Unix(n, 0)
	}
	if now.IsZero() {
		return time.Time{}
	}
	if m := quotaTime.FindStringSubmatch(text); m != nil {
		return nextTimeOfDay(m[1], m[2], m[3], m[4], now)
	}
	m := quotaWait.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}
	}
	units := map[string]time.Duration{"day": 24 * time.Hour, "hour": time.Hour, "minute": time.Minute, "second": time.Second}
	for _, part := range quotaPart.FindAllStringSubmatch(m[1], -1) {
		n, _ := strconv.Atoi(part[1]) // the pattern bounds the digits
		now = now.Add(time.Duration(n) * units[strings.ToLower(part[2])])
	}
	return now
}

// nextTimeOfDay is the first moment after now at which a clock shows the time:
// a clock of zone, or of now's location when the zone is not named or known.
func nextTimeOfDay(hour, minute, half, zone string, now time.Time) time.Time {
	if loc, err := time.LoadLocation(zone); zone != "" && err == nil {
		now = now.In(loc)
	}
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	if h < 1 || h > 12 || m > 59 {
		return time.Time{}
	}
	if h %= 12; strings.EqualFold(half, "pm") {
		h += 12
	}
	at := time.Date(now.Year(), now.Month(), now.Day(), h, m, 0, 0, now.Location())
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// claudeSignal reads the title. Its idle mark stands in dialogs too and
// proves nothing; a turning mark proves a turn.
func claudeSignal(kind, value string) []iapeer.SessionEvent {
	if kind != SignalTitle {
		return nil
	}
	for _, mark := range []string{"⠂", "⠐", "◐", "◑"} {
		if strings.HasPrefix(value, mark+" ") {
			return []iapeer.SessionEvent{iapeer.SessionBusy{Evidence: iapeer.Evidence{Source: "title", Detail: mark}}}
		}
	}
	return nil
}

// A Status is what a program's own status file says about one process.
type Status struct {
	PID       int
	SessionID string
	CWD       string
	State     string // "idle", "busy", "waiting"
	For       string // what it waits for, "" if it does not
	Socket    string // its own inbox, "" if it has none
	At        time.Time
}

// parseStatus reads claude's sessions/<pid>.json.
func parseStatus(b []byte) (Status, error) {
	var f struct {
		PID     int    `json:"pid"`
		Session string `json:"sessionId"`
		CWD     string `json:"cwd"`
		State   string `json:"status"`
		For     string `json:"waitingFor"`
		Socket  string `json:"messagingSocketPath"`
		At      int64  `json:"statusUpdatedAt"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return Status{}, fmt.Errorf("status file: %w", err)
	}
	s := Status{PID: f.PID, SessionID: f.Session, CWD: f.CWD, State: f.State, For: f.For, Socket: f.Socket}
	if f.At > 0 {
		s.At = time.UnixMilli(f.At)
	}
	return s, nil
}

// Events returns what the status means. A state that is not known gives
// nothing.
func (s Status) Events() []iapeer.SessionEvent {
	ev := iapeer.Evidence{Source: "status", Detail: s.State, Session: s.SessionID, At: s.At}
	var out []iapeer.SessionEvent
	if s.SessionID != "" {
		out = append(out, iapeer.SessionNamed{SessionID: s.SessionID})
	}
	switch s.State {
	case "idle":
		return append(out, iapeer.SessionIdle{Evidence: ev})
	case "busy":
		return append(out, iapeer.SessionBusy{Evidence: ev})
	case "waiting":
		return append(out, iapeer.SessionWaiting{For: s.For, Evidence: ev})
	}
	return out
}

// claudeStatusPath is where a process tells its state.
func claudeStatusPath(pid int) string { return path.Join("sessions", strconv.Itoa(pid)+".json") }

// claudeSessions reads every status file. Files may outlive a killed process:
// the caller checks that the process lives.
func claudeSessions(files fs.FS) []Status {
	names, _ := fs.Glob(files, "sessions/*.json")
	var out []Status
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			continue
		}
		if s, err := parseStatus(b); err == nil && s.SessionID != "" {
			if s.PID == 0 {
				s.PID, _ = strconv.Atoi(strings.TrimSuffix(path.Base(name), ".json"))
			}
			out = append(out, s)
		}
	}
	return out
}
