package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// bodyLines is how much of a text is shown before it is cut.
const bodyLines = 40

// Message writes one message with its history and its answer.
func Message(s Style, m client.Message) string {
	var b strings.Builder
	head := []string{string(m.ID), fmt.Sprintf("%s → %s", s.who(m.From), s.who(m.To))}
	if m.Topic != "" {
		head = append(head, "topic "+Line(m.Topic, 60))
	}
	if m.Conversation != "" {
		head = append(head, "conversation "+m.Conversation)
	}
	if m.Hops > 0 {
		head = append(head, fmt.Sprintf("hop %d", m.Hops))
	}
	b.WriteString(strings.Join(head, "  ") + "\n")
	b.WriteString(quote(m.Body) + "\n")
	for _, a := range m.Attachments {
		fmt.Fprintf(&b, "  attached  %s\n", s.path(Safe(a)))
	}
	b.WriteString(s.steps(m))
	if m.Answer != "" {
		b.WriteString("\n" + quote(m.Answer))
	}
	if next := Next(m); next != "" {
		b.WriteString("\n" + s.Dim(next) + "\n")
	}
	return b.String()
}

// who writes an identity as "name (runtime)".
func (s Style) who(identity string) string {
	id, err := iapeer.ParseIdentity(identity)
	if err != nil {
		return Safe(identity)
	}
	if id.Runtime == iapeer.RuntimeCLI {
		return s.Name(string(id.Name))
	}
	return s.Name(string(id.Name)) + " (" + string(id.Runtime) + ")"
}

// quote indents a text between quotation marks.
func quote(text string) string {
	lines := strings.Split(strings.TrimRight(Safe(text), "\n"), "\n")
	if len(lines) > bodyLines {
		lines = append(lines[:bodyLines], fmt.Sprintf("… %d more lines", len(lines)-bodyLines))
	}
	return "  \"" + strings.Join(lines, "\n   ") + "\"\n"
}

// steps writes the history, each line with the time since the one before.
func (s Style) steps(m client.Message) string {
	var b strings.Builder
	var before time.Time
	for _, st := range m.Steps {
		text := Line(stepText(m, st), 90)
		gap := ""
		if at := st.Evidence.At; !before.IsZero() && !at.IsZero() {
			gap = "+" + short(at.Sub(before))
		}
		at := "            "
		if !st.Evidence.At.IsZero() {
			at = s.clock(st.Evidence.At, "15:04:05.000")
			before = st.Evidence.At
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("  %s  %s  %-60s %s", at, s.state(st.State, 9), text, s.Dim(gap)), " "))
	}
	return b.String()
}

// state writes a state in the colour of its meaning.
func (s Style) state(st iapeer.State, width int) string {
	color := dim
	switch st {
	case iapeer.Seen, iapeer.Answered:
		color = green
	case iapeer.Failed, iapeer.Expired, iapeer.Refused:
		color = red
	case iapeer.Unknown, iapeer.Held:
		color = yellow
	default:
	}
	return pad(string(st), s.paint(color, string(st)), width)
}

// stepText says what happened and who proves it.
func stepText(m client.Message, st iapeer.Step) string {
	if st.Change == "" {
		return "on disk; sender proven: " + proof(m.Proof)
	}
	text := Evidence(st.Evidence)
	switch st.Change {
	case iapeer.ChangeOffer:
		if how := strings.TrimPrefix(st.Evidence.Detail, fmt.Sprintf("attempt %d", st.Attempt)); how == "" {
			text = "written to the session"
		}
		text = fmt.Sprintf("attempt %d, %s", max(1, st.Attempt), text)
	case iapeer.ChangeReturn:
		text = "not in it: " + text + "; waits again"
	default:
	}
	return text
}

// Evidence writes a proof: who said it, what, of which session.
func Evidence(e iapeer.Evidence) string {
	source := e.Source + " "
	if e.Source == "exit" && strings.HasPrefix(e.Detail, "process ") {
		source = "" // the detail says it all
	}
	parts := []string{strings.TrimSpace(source + e.Detail)}
	if e.Session != "" && !strings.HasPrefix(e.Session, "pid:") {
		parts = append(parts, "session "+Line(e.Session, 12))
	}
	return strings.Join(parts, ", ")
}

func proof(p iapeer.Proof) string {
	switch p {
	case iapeer.ProofPerson:
		return "a person's terminal"
	case iapeer.ProofSession:
		return "its session's token"
	case iapeer.ProofUID:
		return "a process of this user"
	case iapeer.ProofSystem:
		return "iapeer itself"
	default:
		return "not known"
	}
}

// short writes a small duration for the margin.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Next says what can be done about a message that stands where it stands, ""
// when nothing needs to be.
func Next(m client.Message) string {
	id := string(m.ID)
	switch m.State {
	case iapeer.Accepted, iapeer.Offered, iapeer.Taken:
		return "It goes on by itself. Wait: iapeer msg wait " + id
	case iapeer.Held:
		return "Held. Deliver it: iapeer msg retry " + id + " · withdraw it: iapeer msg cancel " + id
	case iapeer.Unknown:
		return "It may or may not have been seen. Say which: iapeer msg resolve " + id + " seen|lost · or iapeer msg retry " + id
	case iapeer.Failed, iapeer.Expired:
		return "Try again: iapeer msg retry " + id
	default:
		return ""
	}
}

// Messages writes one line a message, in the given order.
func Messages(s Style, list []client.Message) string {
	if len(list) == 0 {
		return "no messages\n"
	}
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "%s  %s  %s  %s → %s  %s\n", s.Dim(s.clock(m.AcceptedAt, "15:04:05")), m.ID, s.state(m.State, 9),
			s.who(m.From), s.who(m.To), Line(m.Body, 70))
	}
	return b.String()
}

// Inbox writes messages to be read, oldest first, each with its whole text.
func Inbox(s Style, list []client.Message) string {
	var b strings.Builder
	for _, m := range list {
		topic := ""
		if m.Topic != "" {
			topic = "  topic " + Line(m.Topic, 60)
		}
		fmt.Fprintf(&b, "%s  %s  %s%s\n", s.who(m.From), s.Dim(s.clock(m.AcceptedAt, "15:04")), s.Dim(string(m.ID)), topic)
		b.WriteString(quote(m.Body) + "\n")
	}
	return b.String()
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func msTime(ms int64) time.Time { return time.UnixMilli(ms) }
