package main

// grammar is the command line: one line a verb, in the order that help shows
// them.
type grammar struct {
	Send  sendCmd  `cmd:"" group:"talk" help:"Send a message to a peer; a sleeping one is woken."`
	Ask   askCmd   `cmd:"" group:"talk" help:"Send a message and print the answer."`
	Inbox inboxCmd `cmd:"" group:"talk" help:"Read what came to you."`
	Msg   msgCmd   `cmd:"" group:"talk" help:"Look at messages and decide what is stuck."`
	Log   logCmd   `cmd:"" group:"talk" help:"What was said and done, as it happens with -f."`

	List      listCmd      `cmd:"" group:"peers" help:"All peers; first what needs you."`
	Status    statusCmd    `cmd:"" group:"peers" help:"The daemon and the fleet in a few lines."`
	Attach    attachCmd    `cmd:"" group:"peers" help:"Sit down at a peer's terminal; it is woken if it sleeps."`
	Screen    screenCmd    `cmd:"" group:"peers" help:"Print what a peer's terminal shows."`
	Stop      stopCmd      `cmd:"" group:"peers" help:"End a peer's session and keep it down; mail is kept."`
	Start     startCmd     `cmd:"" group:"peers" help:"Let a stopped peer work again."`
	New       newCmd       `cmd:"" group:"peers" help:"End the session and begin a fresh one now."`
	Refresh   refreshCmd   `cmd:"" group:"peers" help:"Make the next wake a fresh session."`
	Interrupt interruptCmd `cmd:"" group:"peers" help:"End the running turn."`
	Adopt     adoptCmd     `cmd:"" group:"peers" help:"Take over a session that was started by hand."`

	Init   initCmd   `cmd:"" group:"set up" help:"Make this folder a peer."`
	Create createCmd `cmd:"" group:"set up" help:"Make a peer in a folder of its own."`
	Launch launchCmd `cmd:"" group:"set up" help:"Begin a fresh session of this folder's peer and attach."`
	Remove removeCmd `cmd:"" group:"set up" help:"Forget a peer and take back what was written for it; its folder stays."`
	Config configCmd `cmd:"" group:"set up" help:"Show and change settings."`

	Daemon  daemonCmd      `cmd:"" group:"machine" help:"Run the daemon here, or control the one in the background."`
	Version versionCmd     `cmd:"" group:"machine" help:"Versions of this program, the daemon and the hosts."`
	Live    liveRuntimeCmd `cmd:"" name:"live-runtime" group:"machine" help:"Print which runtime of a peer is live (for runtimes)."`
	Hook    hookCmd        `cmd:"" group:"machine" help:"Report a runtime's hook to the daemon (for runtimes)."`
	Host    hostCmd        `cmd:"" hidden:"" help:"Be the host of one session (for the daemon)."`
}

// groups are the headings of help, in order.
var groups = []struct{ key, title string }{
	{"talk", "Talk"},
	{"peers", "Peers"},
	{"set up", "Set up"},
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
