package edit

import (
	"strings"
	"testing"
)

func TestAddLine(t *testing.T) {
	for _, tc := range []struct{ before, after string }{
		{"", "/x\n"},
		{"a\n", "a\n/x\n"},
		{"a", "a\n/x\n"},
		{"/x\na\n", "/x\na\n"},
		{"/x\r\n", "/x\r\n"},
		{" /x\n", " /x\n/x\n"},
	} {
		got := AddLine(tc.before, "/x")
		if got != tc.after {
			t.Errorf("AddLine(%q) = %q, want %q", tc.before, got, tc.after)
		}
		if got != tc.before && strings.HasSuffix(tc.before, "\n") && DropLine(got, "/x") != tc.before {
			t.Errorf("DropLine(%q) = %q, want %q", got, DropLine(got, "/x"), tc.before)
		}
	}
}

func TestSetEnvLine(t *testing.T) {
	for _, tc := range []struct{ before, after string }{
		{"", "K=/b\n"},
		{"# c\nA=1\n", "# c\nA=1\nK=/b\n"},
		{"K=/old\nA=1\n", "K=/b\nA=1\n"},
		{"export K=/old\n", "K=/b\n"},
		{"K=/b\n", "K=/b\n"},
		{"# K=/b\nKK=1", "# K=/b\nKK=1\nK=/b\n"},
	} {
		if got := SetEnvLine(tc.before, "K", "/b"); got != tc.after {
			t.Errorf("SetEnvLine(%q) = %q, want %q", tc.before, got, tc.after)
		}
	}
}

func TestEnvValue(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{"# K=/a\nKK=/b\n", ""},
		{"A=1\nK=/a b\n", "/a b"},
		{"export K='/a b'\r\n", "/a b"},
		{"K=/old\nK=\"/new\"", "/new"},
		{"K=\n", ""},
		{"K='/a", "'/a"},
	} {
		if got := EnvValue(tc.text, "K"); got != tc.want {
			t.Errorf("EnvValue(%q) = %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\n", "b")
	f.Add("a", "/x y")
	f.Fuzz(func(t *testing.T, text, line string) {
		if line == "" || strings.ContainsAny(line, "\r\n") {
			return
		}
		with := AddLine(text, line)
		if AddLine(with, line) != with {
			t.Fatalf("AddLine twice of %q to %q", line, text)
		}
		if with != text && strings.TrimSuffix(DropLine(with, line), "\n") != strings.TrimSuffix(text, "\n") {
			t.Fatalf("DropLine(AddLine(%q, %q)) = %q", text, line, DropLine(with, line))
		}
		if set := SetEnvLine(text, "K", "/b"); strings.Count(text, "K") == 0 && EnvValue(set, "K") != "/b" {
			t.Fatalf("EnvValue(SetEnvLine(%q)) = %q", text, EnvValue(set, "K"))
		}
	})
}
