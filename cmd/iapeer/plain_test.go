package main

import (
	"io"
	"reflect"
	"strings"
	"testing"
)

// TestPlainIsWhatTheGrammarSays: the short way and the grammar make the same of
// a command line.
func TestPlainIsWhatTheGrammarSays(t *testing.T) {
	for line, want := range map[string]bool{
		"list": true, "ls": false, "status": true, "hook codex Stop": true,
		"": false, "list --json": false, "status web": false, "hook codex": false, "hook codex --decide": false,
		"hook --decide codex Stop": false, "hook codex Stop --decide": false, "hook codex -h": false, "list list": false, "help": false,
	} {
		args := strings.Fields(line)
		got := plain(args)
		if (got != nil) != want {
			t.Errorf("plain(%q) = %#v, want one: %v", line, got, want)
		}
		if got == nil {
			continue
		}
		list := verbsFor(args[0])
		k, err := parser(&world{out: io.Discard, err: io.Discard}, list)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Parse(args); err != nil || !reflect.DeepEqual(got, list[0].cmd) {
			t.Errorf("%q: %#v, the grammar says %#v, %v", line, got, list[0].cmd, err)
		}
	}
}
