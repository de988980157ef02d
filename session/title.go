package session

import "bytes"

// maxTitle is the longest title that is rewritten.
const maxTitle = 1024

// A titler passes terminal output on and repeats each title that the program
// sets with the detach key behind it.
type titler struct {
	hint string
	in   titleState
	seq  []byte // OSC number and text
}

type titleState int

const (
	plainText titleState = iota
	afterEscape
	inCommand
	commandEscape
)

// text is the sequence that sets a title.
func (t *titler) text(title string) string {
	return "\x1b]2;" + title + " · " + t.hint + "\x07"
}

// pass returns b with our titles put in.
func (t *titler) pass(b []byte) []byte {
	if t.in == plainText && bytes.IndexByte(b, 0x1b) < 0 {
		return b
	}
	out := make([]byte, 0, len(b)+len(t.hint))
	for _, c := range b {
		out = append(out, c)
		if t.step(c) {
			out = append(out, t.ours()...)
		}
	}
	return out
}

// step follows the output. It reports the end of a command.
func (t *titler) step(c byte) bool {
	switch {
	case t.in == afterEscape && c == ']':
		t.in, t.seq = inCommand, t.seq[:0]
	case t.in == inCommand && c == 0x07, t.in == commandEscape && c == '\\':
		t.in = plainText
		return true
	case t.in == inCommand && c == 0x1b:
		t.in = commandEscape
	case t.in == inCommand && c != 0x18 && c != 0x1a:
		if len(t.seq) < maxTitle {
			t.seq = append(t.seq, c)
		}
	case c == 0x1b:
		t.in = afterEscape
	default:
		t.in = plainText
	}
	return false
}

// ours is our form of the title that has just ended.
func (t *titler) ours() string {
	for _, prefix := range []string{"0;", "2;"} {
		if title, ok := bytes.CutPrefix(t.seq, []byte(prefix)); ok {
			return t.text(string(title))
		}
	}
	return ""
}
