package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/config"
)

func TestSet(t *testing.T) {
	for _, tc := range []struct{ name, before, key, value, want string }{
		{"into nothing", "", "port", "9000", "port = 9000\n"},
		{"a string", "", "me", "eve", "me = \"eve\"\n"},
		{"a size", "", "retain_bytes", "2G", "retain_bytes = \"2G\"\n"},
		{"a fraction", "", "idle_secs", "1.5", "idle_secs = \"1.5\"\n"},
		{"what must be escaped", "", "claude_bin", `/a "b"\c`, `claude_bin = "/a \"b\"\\c"` + "\n"},
		{"behind the last key", "# top\nme = \"a\" # x\n\n# end\n", "port", "1", "# top\nme = \"a\" # x\n\n# end\nport = 1\n"},
		{"no newline at the end", "me = \"a\"", "port", "1", "me = \"a\"\nport = 1\n"},
		{"in front of tables", "me = \"a\"\n\n# about x\n[x]\ny = 1\n", "port", "1", "me = \"a\"\nport = 1\n\n# about x\n[x]\ny = 1\n"},
		{"only tables", "[x]\ny = 1\n", "port", "1", "port = 1\n[x]\ny = 1\n"},
		{"a table's key of that name", "[[x]]\nport = 2\n", "port", "1", "port = 1\n[[x]]\nport = 2\n"},
		{"in place", "  port   =  2   # why\nme = \"a\"\n", "port", "1", "  port   =  1   # why\nme = \"a\"\n"},
		{"quoted key", "\"port\" = 2\n", "port", "1", "\"port\" = 1\n"},
		{"over several lines", "me = \"\"\"\na\"\"\" # c\nport = 1\n", "me", "eve", "me = \"eve\" # c\nport = 1\n"},
		{"over an array", "me = [\n 1,\n]\nport = 1\n", "me", "eve", "me = \"eve\"\nport = 1\n"},
		{"over a table", "me = { a = 1 }\n", "me", "eve", "me = \"eve\"\n"},
		{"the value it has", "port = 9_000 # c\n", "port", "9000", "port = 9_000 # c\n"},
		{"carriage returns", "me = \"a\"\r\n", "port", "1", "me = \"a\"\r\nport = 1\r\n"},
		{"take out", "# a\nport = 1 # b\n# c\nme = \"a\"\n", "port", "", "# a\n# c\nme = \"a\"\n"},
		{"take out what is empty", "me = \"\"\n", "me", "", ""},
		{"take out what is not there", "# a\n", "port", "", "# a\n"},
		{"take out the last line", "me = \"a\"\nport = 1", "port", "", "me = \"a\"\n"},
	} {
		path := filepath.Join(t.TempDir(), "new", "config.toml")
		if tc.before != "" {
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			put(t, path, tc.before)
		}
		for range 2 {
			err := config.Set(path, tc.key, tc.value)
			if diff := cmp.Diff(tc.want, get(t, path)); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("%s: left behind %q", tc.name, left)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for _, tc := range []struct{ name, before, key, value string }{
		{"unknown key", "me = \"a\"\n", "prot", "1"},
		{"bad value", "me = \"a\"\n", "port", "70000"},
		{"malformed file", "me = \n", "port", "1"},
		{"a table of that name", "[port]\nx = 1\n", "port", "1"},
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		put(t, path, tc.before)
		err := config.Set(path, tc.key, tc.value)
		var file *config.FileError
		var value *config.ValueError
		if !errors.Is(err, config.ErrUnknownKey) && !errors.As(err, &file) && !errors.As(err, &value) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if got := get(t, path); got != tc.before {
			t.Errorf("%s: the file became %q", tc.name, got)
		}
	}
}

func TestSetKeepsModeAndLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "dotfiles.toml"), filepath.Join(dir, "config.toml")
	put(t, target, "port = 1\n")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := config.Set(link, "port", "2"); err != nil || get(t, target) != "port = 2\n" || mode(t, target) != 0o640 {
		t.Errorf("%v, %q, %v", err, get(t, target), mode(t, target))
	}
	if err := config.Set(link, "bearer_token", "s3cret"); err != nil || mode(t, target) != 0o600 {
		t.Errorf("a file with a secret: %v, %v", err, mode(t, target))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

func TestSetAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	keys := []string{"port", "idle_secs", "boot_deadline_secs", "crashloop_max", "panelog_keep", "retain_days"}
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() {
			if err := config.Set(path, key, fmt.Sprint(i+1)); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		})
	}
	wg.Wait()
	c, err := config.Load(iapeer.Paths{Root: filepath.Dir(path)}, func(string) string { return "" })
	from := 0
	for _, o := range c.Origins() {
		if o.From == config.FromFile {
			from++
		}
	}
	if err != nil || from != len(keys) {
		t.Errorf("%d of %d keys arrived: %v\n%s", from, len(keys), err, get(t, path))
	}
}

// FuzzLoad checks that no file stops loading, and that setting a key in it
// either fails or changes nothing else.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{"", "port = 1\n", "me = \"a\" # c\r\n[x]\ny = 1\n", "a.b = [1,\n{c = 2}]\nport='''\n3'''", "[[port]]\n", "\xef\xbb\xbfport=1", "port = 1979-05-27"} {
		f.Add(text, "9000")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		paths := iapeer.Paths{Root: t.TempDir(), Home: "/home/ada"}
		put(t, paths.Config(), text)
		none := func(string) string { return "" }
		before, loadErr := config.Load(paths, none)
		if before.Port < 1 || before.Port > 65535 || before.Idle <= 0 || len(before.Origins()) == 0 {
			t.Errorf("%q gives %+v", text, before)
		}
		if err := config.Set(paths.Config(), "codex_bin", value); err != nil {
			if get(t, paths.Config()) != text {
				t.Errorf("%q became %q although %v", text, get(t, paths.Config()), err)
			}
			return
		}
		if loadErr != nil {
			t.Fatalf("%q was set in spite of %v", text, loadErr)
		}
		once := get(t, paths.Config())
		after, err := config.Load(paths, none)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, once, err)
		}
		after.CodexBin = before.CodexBin
		if diff := cmp.Diff(before, after, values); diff != "" {
			t.Errorf("%q became %q (-before +after):\n%s", text, once, diff)
		}
		if err := config.Set(paths.Config(), "codex_bin", value); err != nil || get(t, paths.Config()) != once {
			t.Errorf("%q, then %q, %v", once, get(t, paths.Config()), err)
		}
	})
}
