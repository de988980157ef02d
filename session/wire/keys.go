package wire

import "strings"

// named are the keys that have a name of their own.
var named = map[string]string{
	"Enter": "\r", "Escape": "\x1b", "Tab": "\t", "Space": " ", "BSpace": "\x7f",
	"BTab": "\x1b[Z", "Delete": "\x1b[3~", "PageUp": "\x1b[5~", "PageDown": "\x1b[6~",
}

// arrows are the cursor keys by their final byte.
var arrows = map[string]string{
	"Up": "A", "Down": "B", "Right": "C", "Left": "D", "Home": "H", "End": "F",
}

// KeyBytes returns what a terminal sends for key names. "-l" makes the rest
// literal text; "C-x" is a control key; an unknown word stands for itself.
// appCursor says that the program asked for application cursor keys.
func KeyBytes(names []string, appCursor bool) []byte {
	var b strings.Builder
	for i, name := range names {
		if name == "-l" {
			b.WriteString(strings.Join(names[i+1:], " "))
			break
		}
		b.WriteString(key(name, appCursor))
	}
	return []byte(b.String())
}

func key(name string, appCursor bool) string {
	if s, ok := named[name]; ok {
		return s
	}
	if final, ok := arrows[name]; ok {
		if appCursor {
			return "\x1bO" + final
		}
		return "\x1b[" + final
	}
	if letter, ok := strings.CutPrefix(name, "C-"); ok && len(letter) == 1 && letter[0] >= '@' && letter[0] < 0x7f {
		return string(rune(letter[0] & 0x1f))
	}
	return name
}
