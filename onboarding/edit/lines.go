package edit

import (
	"slices"
	"strings"
)

// SetEnvLine gives key a value in a launch.env, on the line that has it or on a
// new last one.
func SetEnvLine(text, key, value string) string {
	line := key + "=" + value
	lines := strings.SplitAfter(text, "\n")
	i := slices.IndexFunc(lines, func(l string) bool {
		name, _, ok := assignment(l)
		return ok && name == key
	})
	if i >= 0 {
		if strings.TrimSpace(lines[i]) != line {
			lines[i] = line + "\n"
		}
		return strings.Join(lines, "")
	}
	return AddLine(text, line)
}

// EnvValue returns what a launch.env gives key, without one pair of matching
// quotes, and "" where it gives nothing. The last of several lines counts.
func EnvValue(text, key string) (value string) {
	for line := range strings.Lines(text) {
		if name, v, ok := assignment(line); ok && name == key {
			value = v
		}
	}
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// assignment splits a line KEY=VALUE or export KEY=VALUE.
func assignment(line string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
	return strings.TrimSpace(key), strings.TrimSpace(value), ok
}

// AddLine appends a line unless the text has it.
func AddLine(text, line string) string {
	if slices.Contains(splitLines(text), line) {
		return text
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n"
}

// DropLine takes the last such line out. It is the inverse of [AddLine], but for
// the line break that AddLine had to give the line before.
func DropLine(text, line string) string {
	lines := strings.SplitAfter(text, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.TrimRight(lines[i], "\r\n") == line {
			return strings.Join(slices.Delete(lines, i, i+1), "")
		}
	}
	return text
}

func splitLines(text string) []string {
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}
