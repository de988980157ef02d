package prompt_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/prompt"
)

func file(name, path, text string) prompt.File {
	return prompt.File{Name: name, Path: path, Text: text}
}

func input() prompt.Input {
	return prompt.Input{
		Name: "boris", Description: "Builds the web app", CWD: "/home/ada/web",
		Host: prompt.Host{Platform: "linux", OSVersion: "Debian 13", User: "ada", Hostname: "büro", Today: "2026-07-14"},
		Docs: "~/.iapeer/docs",
	}
}

const head = `---
personality: "boris"
description: "Builds the web app"
peer-cwd: "/home/ada/web"
platform: "linux"
os_version: "Debian 13"
user: "ada"
hostname: "büro"
today: "2026-07-14"
---

` + pointer

const pointer = "How this team's tools work is written in `~/.iapeer/docs/`, one folder for each package; begin with `iapeer/README.md` there.\n"

func TestCompose(t *testing.T) {
	boris := iapeer.Peer{Name: "boris", DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude", "codex"},
		Description: "Builds\n## the  web app", Nature: iapeer.Artificial, CWD: "/secret", Interfaces: json.RawMessage(`{}`)}
	ada := iapeer.Peer{Name: "ada", DefaultRuntime: "telegram", Runtimes: []iapeer.Runtime{"telegram"}, Nature: iapeer.Natural}
	for _, tc := range []struct {
		name  string
		files prompt.Files
		peers []iapeer.Peer
		want  string
	}{
		{name: "facts only", want: head},
		{
			name:  "doctrine, global before local, newlines at the end stripped",
			files: prompt.Files{Global: prompt.Folder{Doctrine: file("IAPEER.md", "~/.iapeer/IAPEER.md", "G\n\n\n")}, Local: prompt.Folder{Doctrine: file("IAPEER.md", "~/web/.iapeer/IAPEER.md", "L")}},
			want:  head + "\n<!-- ~/.iapeer/IAPEER.md -->\nG\n\n<!-- ~/web/.iapeer/IAPEER.md -->\nL\n",
		},
		{
			name:  "an empty file leaves no marker",
			files: prompt.Files{Global: prompt.Folder{Doctrine: file("IAPEER.md", "~/.iapeer/IAPEER.md", "\n\r\n")}, Local: prompt.Folder{Doctrine: file("IAPEER.md", "~/web/.iapeer/IAPEER.md", "L")}},
			want:  head + "\n<!-- ~/web/.iapeer/IAPEER.md -->\nL\n",
		},
		{
			name:  "no path, no marker",
			files: prompt.Files{Local: prompt.Folder{Doctrine: file("IAPEER.md", "", "L\n")}},
			want:  head + "\nL\n",
		},
		{
			name:  "a text's own blank lines",
			files: prompt.Files{Local: prompt.Folder{Doctrine: file("IAPEER.md", "/p", "\n\n\na\n\n\n\nb\n")}},
			want:  head + "\n<!-- /p -->\n\na\n\nb\n",
		},
		{
			name:  "peers",
			peers: []iapeer.Peer{ada, boris},
			want: head + "\n## Known peers\n\n- ada\n  runtime: telegram\n  runtimes: telegram\n  intelligence: natural\n" +
				"- boris — Builds ## the web app\n  runtime: claude\n  runtimes: claude, codex\n  intelligence: artificial\n",
		},
		{
			name: "the order of the layers and of the names",
			files: prompt.Files{
				Global: prompt.Folder{
					Doctrine:  file("IAPEER.md", "g", "G"),
					Documents: []prompt.File{file("b.md", "g/b", "gb"), file("Z.MD", "g/Z", "gZ"), file("a.md", "g/a", "ga")},
					Fragments: []prompt.File{file("f.md", "g/f", "gf")},
				},
				Local: prompt.Folder{
					Doctrine:  file("IAPEER.md", "l", "L"),
					Documents: []prompt.File{file("é.md", "l/é", "lé"), file("a.md", "l/a", "la")},
					Fragments: []prompt.File{file("f.md", "l/f", "lf"), file("e.md", "l/e", "le")},
				},
			},
			peers: []iapeer.Peer{ada},
			want: head + "\n<!-- g -->\nG\n\n<!-- l -->\nL\n\n## Known peers\n\n- ada\n  runtime: telegram\n  runtimes: telegram\n  intelligence: natural\n\n" +
				"<!-- g/Z -->\ngZ\n\n<!-- g/a -->\nga\n\n<!-- l/a -->\nla\n\n<!-- g/b -->\ngb\n\n<!-- l/é -->\nlé\n\n" +
				"<!-- l/e -->\nle\n\n<!-- g/f -->\ngf\n\n<!-- l/f -->\nlf\n",
		},
	} {
		in := input()
		in.Files, in.Peers = tc.files, tc.peers
		if diff := cmp.Diff(tc.want, prompt.Compose(in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestComposeEscapes(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", `""`},
		{"a: \"b\"\nc", `"a: \"b\"\nc"`},
		{`a\b/c`, `"a\\b/c"`},
		{"a\x7fb", `"a\u007fb"`},
		{"\x00\x1f\b\f\r\t", `"\u0000\u001f\b\f\r\t"`},
		{"中文 😀 <&> \u2028", "\"中文 😀 <&> \u2028\""},
		{"\xff", "\"\ufffd\""},
	} {
		in := input()
		in.Description = tc.in
		if got := strings.Split(prompt.Compose(in), "\n")[2]; got != "description: "+tc.want {
			t.Errorf("description %q gives %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestComposeDocs(t *testing.T) {
	for docs, want := range map[string]string{"": "~/.iapeer/docs/", "/srv/iapeer/docs": "/srv/iapeer/docs/", "/x/": "/x/"} {
		in := input()
		in.Docs = docs
		if got := prompt.Compose(in); !strings.Contains(got, "`"+want+"`") {
			t.Errorf("docs %q: %q is not in %s", docs, want, got)
		}
	}
}

func TestThisHost(t *testing.T) {
	h := prompt.ThisHost(time.Date(2026, 7, 14, 23, 0, 0, 0, time.UTC))
	if h.Platform == "" || h.Hostname == "" || h.User == "" || h.Today != "2026-07-14" {
		t.Errorf("got %+v", h)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("d", "text", "a.md", "\n\n\n")
	f.Add("a\nb", "\n", "\r\n", "---\n\n\n\n")
	f.Fuzz(func(t *testing.T, description, text, name, other string) {
		in := input()
		in.Description = description
		in.Peers = []iapeer.Peer{{Name: "ada", Description: description, Nature: iapeer.Natural}}
		in.Files.Global = prompt.Folder{Doctrine: file("IAPEER.md", "p", text), Documents: []prompt.File{file(name, "q", other)}}
		in.Files.Local = prompt.Folder{Fragments: []prompt.File{file(name, "", text), file(text, "", other)}}
		got := prompt.Compose(in)
		if strings.Contains(got, "\n\n\n") || !strings.HasSuffix(got, "\n") || strings.HasSuffix(got, "\n\n") {
			t.Errorf("blank lines in %q", got)
		}
		lines := strings.Split(got, "\n")
		if len(lines) < 10 || lines[0] != "---" || lines[9] != "---" {
			t.Fatalf("facts are not 8 lines: %q", got)
		}
		value := strings.TrimPrefix(lines[2], "description: ")
		var back string
		if err := json.Unmarshal([]byte(value), &back); err != nil || back != strings.ToValidUTF8(description, "\ufffd") && back != string([]rune(description)) {
			t.Errorf("description %q is written %s: %v", description, value, err)
		}
		if prompt.Compose(in) != got {
			t.Error("the same input gives other bytes")
		}
	})
}
