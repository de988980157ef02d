package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer/fleet/client"
)

// Approvals writes what waits for a person's word, each request whole: what is
// not shown cannot be judged.
func Approvals(s Style, list []client.Approval) string {
	if len(list) == 0 {
		return "nothing waits for your word\n"
	}
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "%s  %s (%s)  %s  %s\n", s.Bold(a.ID), s.Name(a.Personality), Line(a.Runtime, 20), Line(a.Tool, 40), s.Dim(s.waiting(a)))
		for line := range strings.Lines(Safe(strings.TrimRight(a.Content, "\n"))) {
			b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
		}
		fmt.Fprintf(&b, "  %s\n\n", s.Dim("iapeer approve "+a.ID+"   or   iapeer deny "+a.ID+" <reason>"))
	}
	return b.String()
}

// waiting tells since when a request waits and what happens without an answer.
func (s Style) waiting(a client.Approval) string {
	text := "asked " + Span(s.Now.Sub(time.UnixMilli(a.CreatedMs))) + " ago"
	switch {
	case a.State == "deferred":
		return text + ", the peer sleeps until you answer"
	case a.ExpiresMs > 0:
		return text + ", denied in " + Span(max(0, time.UnixMilli(a.ExpiresMs).Sub(s.Now)))
	}
	return text
}

// Grants writes what a person allowed for later requests.
func Grants(s Style, list []client.Grant) string {
	if len(list) == 0 {
		return "no grants: every request asks you\n"
	}
	var b strings.Builder
	for _, g := range list {
		what := Line(g.Summary, 60)
		if g.AnyInput {
			what = "anything"
		}
		fmt.Fprintf(&b, "%s  %s (%s)  %s: %s  %s\n", s.Bold(g.ID), s.Name(g.Personality), Line(g.Runtime, 20), Line(g.Tool, 40), what,
			s.Dim(fmt.Sprintf("%s, by %s for %s, used %s", s.scope(g), Line(g.By, 32), g.Approval, plural(g.Used, "time", "times"))))
	}
	return b.String() + s.Dim("take one back: iapeer approvals revoke "+list[0].ID) + "\n"
}

func (s Style) scope(g client.Grant) string {
	switch g.Scope {
	case "session":
		return "while its session lives"
	case "for":
		return "for " + Span(max(0, time.UnixMilli(g.UntilMs).Sub(s.Now))) + " more"
	case "once":
		return "once"
	}
	return "always"
}

// Verdict writes what a person's word did, and what happens next.
func Verdict(s Style, r client.VerdictReply) string {
	if r.Approval == nil {
		return r.ID + " " + r.Action + "d\n"
	}
	a := *r.Approval
	head := fmt.Sprintf("%s allowed: %s %s", s.Bold(a.ID), s.Name(a.Personality), Line(a.Tool+" "+quoted(a.Summary), 80))
	if r.Action == "deny" {
		return fmt.Sprintf("%s denied: %s is told %s\n", s.Bold(a.ID), s.Name(a.Personality), quoted(Line(a.Reason, 80)))
	}
	if r.Grant == nil {
		return head + "\n"
	}
	what := "the same again"
	if r.Grant.AnyInput {
		what = "anything of " + Line(r.Grant.Tool, 40)
	}
	return head + "\n" + fmt.Sprintf("%s: %s, %s; take it back: iapeer approvals revoke %s\n", s.Bold(r.Grant.ID), what, s.scope(*r.Grant), r.Grant.ID)
}

func quoted(text string) string { return `"` + text + `"` }

// Mode writes who decides what a peer's agent may run.
func Mode(r client.ModeReply, asked bool) string {
	text := r.Personality + " is yolo: its agent acts without asking"
	if r.Mode == "gated" {
		text = r.Personality + " is gated: it asks you before tools run; without an answer "
		if r.OnTimeout == "wait" {
			text += "it sleeps until you give one"
		} else {
			text += "the tool does not run"
		}
	}
	switch {
	case asked && r.Applies == "now":
		text += "\nits session was restarted and goes on with its conversation"
	case asked && r.Changed:
		text += "\na session that runs keeps its mode until its next start; at once: iapeer approval-mode " + r.Personality + " " + r.Mode + " --now"
	}
	return text + "\n"
}
