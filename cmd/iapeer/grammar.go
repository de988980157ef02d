package main

import "slices"

// A verb is one line of the command line: a word, what it does, and the struct
// that is its grammar and its deed.
type verb struct {
	group string // "" hides it
	name  string
	help  string
	cmd   any
}

// verbs are all verbs, in the order that help shows them.
func verbs() []verb {
	return []verb{
		{"talk", "send", "Send a message to a peer; a sleeping one is woken.", &sendCmd{}},
		{"talk", "ask", "Send a message and print the answer.", &askCmd{}},
		{"talk", "inbox", "Read what came to you.", &inboxCmd{}},
		{"talk", "msg", "Look at messages and decide what is stuck.", &msgCmd{}},

		{"look", "list", "All peers; first what needs you.", &listCmd{}},
		{"look", "status", "The daemon and the fleet in a few lines.", &statusCmd{}},
		{"look", "log", "What was said and done, as it happens with -f.", &logCmd{}},
		{"look", "explain", "Why a peer does not answer, and what would let it.", &explainCmd{}},
		{"look", "attach", "Sit down at a peer's terminal; it is woken if it sleeps.", &attachCmd{}},
		{"look", "screen", "Print what a peer's terminal shows.", &screenCmd{}},

		{"run", "wake", "Begin a peer's session without a message.", &wakeCmd{}},
		{"run", "sleep", "End a session; the next message wakes it.", &sleepCmd{}},
		{"run", "stop", "End a session and keep the peer down; mail is kept.", &stopCmd{}},
		{"run", "start", "Let a stopped or resting peer work again.", &startCmd{}},
		{"run", "interrupt", "End the running turn; the session stays.", &interruptCmd{}},
		{"run", "launch", "Begin a fresh session of this folder's peer and attach.", &launchCmd{}},
		{"run", "adopt", "Take over a session that was started by hand.", &adoptCmd{}},

		{"renew", "restart", "End a session and begin it again, with its conversation.", &restartCmd{}},
		{"renew", "new", "End the session and begin a fresh one now.", &newCmd{}},
		{"renew", "refresh", "Make the next wake a fresh session.", &refreshCmd{}},
		{"renew", "compact", "Have a conversation shortened.", &compactCmd{}},

		{"decide", "approvals", "What waits for your word, and what you allowed for later.", &approvalsCmd{}},
		{"decide", "approve", "Let a tool run.", &approveCmd{}},
		{"decide", "deny", "Keep a tool from running, and say why.", &denyCmd{}},
		{"decide", "approval-mode", "Whether a peer's agent asks you before it acts.", &approvalModeCmd{}},

		{"set up", "init", "Make this folder a peer.", &initCmd{}},
		{"set up", "create", "Make a peer in a folder of its own.", &createCmd{}},
		{"set up", "rename", "Give a peer another name.", &renameCmd{}},
		{"set up", "add-runtime", "Let a peer live on one more agent program.", &addRuntimeCmd{}},
		{"set up", "default-runtime", "Choose the agent program that a peer wakes on.", &defaultRuntimeCmd{}},
		{"set up", "remove", "Forget a peer and take back what was written for it; its folder stays.", &removeCmd{}},

		{"care", "verify", "Check profiles, records, folders and papers; --fix mends.", &verifyCmd{}},
		{"care", "config", "Show and change settings.", &configCmd{}},

		{"session", "self-fresh", "Go on in a fresh session after this turn.", &selfFreshCmd{}},
		{"session", "self-done", "Say that an ephemeral worker's task is done.", &selfDoneCmd{}},

		{"machine", "daemon", "Run the daemon here, or control the one in the background.", &daemonCmd{}},
		{"machine", "version", "Versions of this program, the daemon and the hosts.", &versionCmd{}},
		{"machine", "live-runtime", "Print which runtime of a peer is live (for runtimes).", &liveRuntimeCmd{}},
		{"machine", "hook", "Report a runtime's hook to the daemon (for runtimes).", &hookCmd{}},

		{"", "host", "Be the host of one session (for the daemon).", &hostCmd{}},
	}
}

// verbsFor returns the verb called name alone, all of them when there is none:
// to know every verb's flags costs milliseconds that no verb needs but help.
func verbsFor(name string) []verb {
	all := verbs()
	if i := slices.IndexFunc(all, func(v verb) bool { return v.name == name }); i >= 0 {
		return all[i : i+1]
	}
	return all
}

// groups are the headings of help, in order.
var groups = []struct{ key, title string }{
	{"talk", "Talk"},
	{"look", "See what goes on"},
	{"decide", "Decide what may run"},
	{"run", "Run and stop"},
	{"renew", "Renew a session"},
	{"set up", "Make and change peers"},
	{"care", "Keep it well"},
	{"session", "For an agent in its own session"},
	{"machine", "Machine"},
}

// jsonFlag is the flag that every verb with a result has.
type jsonFlag struct {
	JSON bool `help:"Print the result as JSON."`
}

// runtimeArg is the optional second argument of the verbs for one peer.
type runtimeArg struct {
	Runtime string `arg:"" optional:"" help:"Which of its runtimes; default: the live one, else its default."`
}
