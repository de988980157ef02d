package session

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// escapeWait is how long the beginning of an encoded key is held back: a
// person's own Escape must not be felt to lag.
const escapeWait = 30 * time.Millisecond

// A DetachKey is a control key in every encoding that terminals have for it:
// the control character, the keyboard protocol's CSI code;5u and xterm's
// CSI 27;5;code~.
type DetachKey struct {
	name  string
	plain byte
	forms [][]byte
}

// ParseDetachKey reads "ctrl-x", "C-x" or "^x", where x is a letter or one of
// @ [ \ ] ^ _. Empty text is Ctrl-].
func ParseDetachKey(s string) (DetachKey, error) {
	if s == "" {
		s = "ctrl-]"
	}
	rest := strings.ToLower(s)
	for _, prefix := range []string{"ctrl-", "ctrl+", "c-", "^"} {
		if after, ok := strings.CutPrefix(rest, prefix); ok {
			rest = after
			break
		}
	}
	if rest == strings.ToLower(s) || len(rest) != 1 || !detachable(rest[0]) {
		return DetachKey{}, fmt.Errorf(`detach key %q: write "ctrl-" and a letter or one of [ \ ] ^ _`, s)
	}
	c := rest[0]
	k := DetachKey{name: "Ctrl-" + strings.ToUpper(rest), plain: c & 0x1f}
	// The locks of the keyboard are bits of the modifier: 64 and 128.
	for _, mod := range []int{5, 5 + 64, 5 + 128, 5 + 64 + 128} {
		k.forms = append(k.forms,
			fmt.Appendf(nil, "\x1b[%d;%du", c, mod),
			fmt.Appendf(nil, "\x1b[%d;%d:1u", c, mod),
			fmt.Appendf(nil, "\x1b[27;%d;%d~", mod, c))
	}
	return k, nil
}

// detachable says which keys may be taken from the person. Enter, Tab, Escape
// and Ctrl-C are the program's.
func detachable(c byte) bool {
	return c >= 'a' && c <= 'z' && !strings.ContainsRune("cijm", rune(c)) || strings.IndexByte(`\]^_`, c) >= 0
}

// Name returns the key as people read it, "Ctrl-]".
func (k DetachKey) Name() string { return k.name }

// A matcher finds the detach key in what is typed, however it is cut.
type matcher struct {
	key  DetachKey
	held []byte // the beginning of an encoded key
}

// match returns what to pass on, and whether the key came. What follows the
// key is dropped.
func (m *matcher) match(b []byte) (pass []byte, detach bool) {
	b = append(m.held, b...)
	m.held = nil
	for i := range b {
		if b[i] == m.key.plain {
			return b[:i], true
		}
		if b[i] != 0x1b {
			continue
		}
		for _, form := range m.key.forms {
			if bytes.HasPrefix(b[i:], form) {
				return b[:i], true
			}
		}
		for _, form := range m.key.forms {
			if bytes.HasPrefix(form, b[i:]) {
				m.held = bytes.Clone(b[i:])
				return b[:i], false
			}
		}
	}
	return b, false
}

// flush gives up waiting for the rest of a key.
func (m *matcher) flush() []byte {
	b := m.held
	m.held = nil
	return b
}
