package gate

import "strings"

// A standing is what the process table says about the calling process.
type standing struct {
	known   bool // the process was found
	pid     int
	under   bool    // it runs inside a session
	session Session // that session
	person  bool    // it is in the foreground of a terminal, outside every session and agent program
}

// A process is one row of the process table.
type process struct {
	parent     int
	group      int
	session    int  // pid of the terminal session's leader
	terminal   bool // it has a controlling terminal
	foreground bool // its group is the terminal's foreground group
}

// maxAncestors ends a walk that cannot be real.
const maxAncestors = 64

// agentMarks are the variables that agent programs set for what they start. A
// process that carries one was not started by a person's hand, although it may
// have a terminal of its own: codex gives one to a command that asks for it.
var agentMarks = []string{
	"AI_AGENT=", "CLAUDECODE=", "CLAUDE_CODE_SESSION_ID=",
	"CODEX_THREAD_ID=", "CODEX_SESSION_ID=", "CODEX_TOOL_CALL_ID=", "CODEX_SANDBOX", "PEER_IDENTITY=",
}

// bearerVars carry a session's token in its environment.
var bearerVars = []string{"IAPEER_BEARER=", "IAPEER_BEARER_TOKEN="}

// examineProcess walks from pid to the root of the process tree. A child that
// lost its parents still gives itself away: by its terminal session, and by
// the token in the environment it was started with.
func (g *Gate) examineProcess(pid int) standing {
	if pid <= 0 {
		return standing{}
	}
	first, err := readProcess(pid)
	if err != nil {
		return standing{}
	}
	s := standing{known: true, pid: pid, person: first.terminal && first.foreground}
	for p, n := first, 0; n < maxAncestors; n++ {
		if g.meets(&s, pid, p) {
			return s
		}
		if pid = p.parent; pid <= 1 {
			return s
		}
		if p, err = readProcess(pid); err != nil {
			return s // the ancestor ended meanwhile: its children now belong to init
		}
	}
	return standing{} // no tree is that deep: deny on doubt
}

// meets looks at one process of the walk and reports whether it settled the
// question.
func (g *Gate) meets(s *standing, pid int, p process) bool {
	for _, candidate := range []int{pid, p.session} {
		if session, ok := g.cfg.Sessions.Under(candidate); ok {
			s.under, s.session, s.person = true, session, false
			return true
		}
	}
	for _, v := range environment(pid) {
		if session, ok := g.tokenIn(v); ok {
			s.under, s.session, s.person = true, session, false
			return true
		}
		if s.person && hasAny(v, agentMarks) {
			s.person = false
		}
	}
	return false
}

func (g *Gate) tokenIn(variable string) (Session, bool) {
	for _, name := range bearerVars {
		token, ok := strings.CutPrefix(variable, name)
		if !ok || g.cfg.Tokens == nil {
			continue
		}
		if f, ok := g.cfg.Tokens.Lookup(HashToken(token)); ok {
			return Session{Identity: f.Identity, Generation: f.Generation}, true
		}
	}
	return Session{}, false
}

func hasAny(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
