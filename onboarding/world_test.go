package onboarding_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding"
	"github.com/iapeer/iapeer/registry"
)

// A disk is the real registry, plugged in as the daemon does it.
type disk struct{ reg *registry.Registry }

func (d disk) Profile(cwd string) (iapeer.Peer, error) { return registry.ReadProfile(cwd) }

func (d disk) PutProfile(p iapeer.Peer) error {
	_, _, err := d.reg.EditProfile(p.CWD, func(on *iapeer.Peer) error {
		*on = p
		return nil
	})
	return err
}

func (d disk) Peers() ([]iapeer.Peer, error) { return d.reg.Peers(), nil }

func (d disk) Register(p iapeer.Peer) error {
	if _, err := d.reg.Upsert(p); err != nil {
		return err
	}
	_, err := d.reg.Refresh(p.Name)
	return err
}

func (d disk) Unregister(name iapeer.Name) error {
	_, err := d.reg.Remove(name)
	return err
}

func (d disk) Rename(from, to iapeer.Name, home string) error {
	_, err := d.reg.Rename(from, to, home)
	return err
}

// A world is a person's home with a root in it, nothing of the real one.
type world struct {
	t    testing.TB
	home string
	deps onboarding.Deps
	env  map[string]string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return worldIn(tb, tb.TempDir())
}

func worldIn(tb testing.TB, dir string) *world {
	tb.Helper()
	home, err := filepath.EvalSymlinks(dir)
	if err != nil {
		tb.Fatal(err)
	}
	paths := iapeer.Paths{Root: filepath.Join(home, "root"), Home: home}
	reg, err := registry.Open(paths, zap.NewNop())
	if err != nil {
		tb.Fatal(err)
	}
	d := disk{reg}
	return &world{t: tb, home: home,
		deps: onboarding.Deps{Paths: paths, Profiles: d, Registry: d, Audit: reg.Audit, Getenv: func(string) string { return "" }},
		env:  map[string]string{"HOME": home, "PATH": filepath.Join(home, "bin")}}
}

// install puts programs on the PATH; running one would be noticed.
func (w *world) install(names ...string) {
	for _, n := range names {
		w.write(filepath.Join("bin", n), "#!/bin/sh\ntouch '"+filepath.Join(w.home, "was-run")+"'\n")
		if err := os.Chmod(filepath.Join(w.home, "bin", n), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) path(rel string) string { return filepath.Join(w.home, rel) }

func (w *world) write(rel, text string) string {
	w.t.Helper()
	path := w.path(rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) folder(rel string) string {
	w.t.Helper()
	if err := os.MkdirAll(w.path(rel), 0o755); err != nil {
		w.t.Fatal(err)
	}
	return w.path(rel)
}

func (w *world) read(rel string) string {
	w.t.Helper()
	b, err := os.ReadFile(w.path(rel))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *world) has(rel string) bool {
	_, err := os.Lstat(w.path(rel))
	return err == nil
}

func (w *world) try(o iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	if o.Env == nil {
		o.Env = w.env
	}
	return onboarding.Run(w.t.Context(), o, w.deps)
}

func (w *world) run(o iapeer.Onboarding) iapeer.OnboardingReport {
	w.t.Helper()
	r, err := w.try(o)
	if err != nil {
		w.t.Fatalf("%s: %v", o.Verb, err)
	}
	return r
}

func (w *world) init(rel string, change ...func(*iapeer.Onboarding)) iapeer.OnboardingReport {
	w.t.Helper()
	o := iapeer.Onboarding{Verb: "init", CWD: w.folder(rel)}
	for _, c := range change {
		c(&o)
	}
	return w.run(o)
}

// tree is every file under the home, by its mode and its bytes or target.
func (w *world) tree() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(w.home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := os.Lstat(path)
		if err != nil {
			return err
		}
		text := st.Mode().String()
		switch {
		case st.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(b)
		case st.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			text += " -> " + target
		}
		all[strings.TrimPrefix(path, w.home+"/")] = text
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// outside is the tree without the root's part and git's own bookkeeping.
func (w *world) outside() map[string]string {
	w.t.Helper()
	all := w.tree()
	for k := range all {
		if k == "root" || strings.HasPrefix(k, "root/") || strings.Contains(k, ".git/") && !strings.HasSuffix(k, "info/exclude") {
			delete(all, k)
		}
	}
	return all
}

func (w *world) git(rel string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.path(rel)
	cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.test"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// action finds what a report says of one kind of file.
func action(r iapeer.OnboardingReport, what string) string {
	for _, c := range r.Files {
		if c.What == what {
			return c.Action
		}
	}
	return ""
}

// differs says how two trees differ, "" if they do not.
func differs(a, b map[string]string) string {
	var all []string
	for k, v := range a {
		if b[k] != v {
			all = append(all, fmt.Sprintf("%s:\n  was %q\n  is  %q", k, v, b[k]))
		}
	}
	for k, v := range b {
		if _, ok := a[k]; !ok {
			all = append(all, fmt.Sprintf("%s: new: %q", k, v))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
