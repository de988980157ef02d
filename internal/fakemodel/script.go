package fakemodel

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// A plan is what one request is answered with: a tool call if tool is set, an
// error if fail is, else a text.
type plan struct {
	text  string
	slow  time.Duration
	think time.Duration
	tool  string
	args  json.RawMessage
	fail  int
}

func (p plan) String() string {
	switch {
	case p.fail != 0:
		return "fail " + strconv.Itoa(p.fail)
	case p.tool != "":
		return "tool " + p.tool
	}
	return "text " + p.text
}

var (
	callPattern  = regexp.MustCompile(`CALL\s+([A-Za-z0-9_.-]+)\s+\{`)
	noncePattern = regexp.MustCompile(`NONCE[-:= ]*([A-Za-z0-9_-]+)`)
	failPattern  = regexp.MustCompile(`FAIL\s+(\d{3})`)
	thinkPattern = regexp.MustCompile(`THINK\s+(\d+(?:\.\d+)?)`)
	slowPattern  = regexp.MustCompile(`SLOW\s+(\d+(?:\.\d+)?)`)
)

// planFor reads the script in text; results are those of its calls so far.
func planFor(text string, results []string) plan {
	text = script(text)
	if calls := callsIn(text); len(calls) > len(results) {
		return calls[len(results)]
	}
	nonce := nonceOf(text)
	if n := len(results); n > 0 {
		return plan{text: "DONE " + nonce + " :: " + head(results[n-1], 300)}
	}
	if m := failPattern.FindStringSubmatch(text); m != nil {
		status, _ := strconv.Atoi(m[1])
		return plan{fail: status}
	}
	if m := thinkPattern.FindStringSubmatch(text); m != nil {
		return plan{text: "THOUGHT " + nonce, think: seconds(m[1])}
	}
	if m := slowPattern.FindStringSubmatch(text); m != nil {
		return plan{text: "SLOWDONE " + nonce, slow: seconds(m[1])}
	}
	return plan{text: "ECHO " + nonce}
}

// script returns the body of the last envelope in text, or text.
func script(text string) string {
	var x iapeer.Extractor
	_, _ = x.Write([]byte(text))
	for {
		e, ok := x.Next()
		if !ok {
			return text
		}
		text = e.Body
	}
}

func seconds(s string) time.Duration {
	f, _ := strconv.ParseFloat(s, 64)
	return time.Duration(f * float64(time.Second))
}

// callsIn finds the CALL lines of text.
func callsIn(text string) []plan {
	var out []plan
	for _, m := range callPattern.FindAllStringSubmatchIndex(text, -1) {
		var args json.RawMessage
		if json.NewDecoder(strings.NewReader(text[m[1]-1:])).Decode(&args) == nil {
			out = append(out, plan{tool: text[m[2]:m[3]], args: args})
		}
	}
	return out
}

func nonceOf(text string) string {
	if m := noncePattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	r := []rune(strings.Join(strings.Fields(text), " "))
	return string(r[max(0, len(r)-40):])
}

func head(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	return string(r[:min(len(r), n)])
}

// matchTool finds the offered name that is meant by want: itself, an MCP tool
// of that name, or one that ends so when only letters and digits count.
func matchTool(names []string, want string) (string, bool) {
	for _, fits := range []func(string) bool{
		func(n string) bool { return n == want },
		func(n string) bool { return strings.HasSuffix(n, "__"+want) },
		func(n string) bool { return strings.HasSuffix(letters(n), letters(want)) },
	} {
		for _, n := range names {
			if fits(n) {
				return n, true
			}
		}
	}
	return "", false
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}
