package iapeer_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/iapeer/iapeer"

// everything marks a room that may import every other.
const everything = "*"

// arrows is the whole graph: each room and all of ours that it may import,
// besides the root package, which everyone may. A room's packages have the
// arrows of the room unless they are listed themselves, and may import each
// other; "x/*" makes each package of x a room. Add a room only for a new outside
// thing.
var arrows = map[string][]string{
	"":                 {},
	"cmd/iapeer":       {"fleet/client", "session"},
	"cmd/iapeerd":      {everything},
	"actors":           {"actors/admission", "actors/house", "actors/loop", "actors/presence", "supervisor"},
	"actors/admission": {},
	"actors/approvals": {"supervisor"},
	"actors/house":     {"actors/admission", "actors/loop"},
	"actors/loop":      {},
	"actors/presence":  {"actors/admission", "actors/house", "supervisor"},
	"supervisor":       {},
	"gate":             {},
	"mcp":              {"gate"},
	"fleet":            {"gate"},
	"fleet/client":     {},
	"onboarding":       {"spelling"},
	"session":          {},
	"runtimes":         {},
	"bridges":          {},
	"prompt":           {},
	"registry":         {"spelling"},
	"config":           {"spelling"},
	"spelling":         {},
	"store":            {},
	"store/*":          {"store"},
	"service":          {},
	"policy":           {},
	"pipeline":         {"policy"},
	"telemetry":        {},
	"uplink":           {},
}

// testRooms serve only tests and measurements: they may import everything, and
// nothing that ships may import them.
var testRooms = []string{"bench", "e2e", "internal"}

// tenancy says which rooms may import which library outside their tests.
// "*" stands for every room. A library that is not here may not be imported.
var tenancy = map[string][]string{
	"github.com/alecthomas/kong":            {"cmd/iapeer", "cmd/iapeerd"},
	"github.com/asynkron/protoactor-go":     {"actors", "supervisor"},
	"github.com/bmatcuk/doublestar":         {"policy"},
	"github.com/cenkalti/backoff":           {"bridges", "pipeline", "uplink"},
	"github.com/charmbracelet/bubbles":      {"cmd/iapeer"},
	"github.com/charmbracelet/bubbletea":    {"cmd/iapeer"},
	"github.com/charmbracelet/lipgloss":     {"cmd/iapeer"},
	"github.com/charmbracelet/x/ansi":       {"session"},
	"github.com/coder/websocket":            {"fleet"},
	"github.com/coreos/go-systemd":          {"service"},
	"github.com/creack/pty":                 {"session"},
	"github.com/fsnotify/fsnotify":          {"registry"},
	"github.com/go-telegram/bot":            {"bridges"},
	"github.com/mark3labs/mcp-go":           {"mcp"},
	"github.com/mozillazg/go-unidecode":     {"spelling"},
	"github.com/nats-io":                    {"uplink"},
	"github.com/pelletier/go-toml":          {"config", "onboarding"},
	"github.com/prometheus":                 {"telemetry"},
	"github.com/rivo/uniseg":                {"session"},
	"github.com/robfig/cron":                {"bridges"},
	"github.com/santhosh-tekuri/jsonschema": {"pipeline"},
	"github.com/tidwall/gjson":              {"mcp", "onboarding"},
	"github.com/tidwall/sjson":              {"onboarding"},
	"go.opentelemetry.io/otel":              {"telemetry"},
	"go.uber.org/zap":                       {everything},
	"golang.org/x/sys":                      {"cmd/iapeer", "cmd/iapeerd", "gate", "registry", "session"},
	"golang.org/x/term":                     {"cmd/iapeer", "session"},
	"gopkg.in/natefinch/lumberjack.v2":      {"cmd/iapeer", "cmd/iapeerd", "session"},
	"howett.net/plist":                      {"service"},
	"modernc.org/sqlite":                    {"store"},
}

// thinClientLacks lists what the thin client must not link, with the reason.
var thinClientLacks = map[string]string{
	"github.com/asynkron/protoactor-go": "actors live in the daemon",
	"github.com/mozillazg/go-unidecode": "its tables are most of a megabyte in each session's host; see package spelling",
	"github.com/mark3labs/mcp-go":       "its schema package costs milliseconds at each start",
	"net/http":                          "with its TLS it is half of the program and costs a millisecond at each start",
	"modernc.org/sqlite":                "only the daemon writes the store",
	"go.opentelemetry.io/otel":          "telemetry is the daemon's",
}

// The sizes a reader can take in at once.
const (
	maxFileLines    = 400
	maxMainLines    = 30
	maxPackageFiles = 14
)

// roomyPackages may have more files than maxPackageFiles: they hold one small
// thing a file.
var roomyPackages = map[string]int{
	"":           22, // one noun of the vocabulary a file
	"cmd/iapeer": 48, // one verb a file
	"runtimes":   20, // one agent program a file, and their common parts
}

// platform matches the end of a file that is for one system only.
var platform = regexp.MustCompile(`_(linux|darwin|unix|other)\.go$`)

// foreignPaths finds what belongs to one machine and not into the tree. The
// pieces are joined here so that this file does not find itself.
var foreignPaths = regexp.MustCompile(`(^|[\s"'` + "`" + `(=:,])(/wo` + `rk/|/fa` + `rm\b|/tmp/bash` + `_jobs)`)

// goFile is one source file as the rules see it.
type goFile struct {
	path    string // slash-separated, relative to the module
	pkg     string // folder, "" for the root
	test    bool
	lines   int
	imports []string
}

func TestArchArrows(t *testing.T) {
	for _, f := range goFiles(t) {
		from := room(f.pkg)
		if _, ok := arrows[from]; !ok && !slices.Contains(testRooms, top(f.pkg)) {
			t.Errorf("%s: room %q is not in arrows: add it, with the outside thing it wraps, or move the file", f.path, f.pkg)
			continue
		}
		if f.test || slices.Contains(testRooms, top(f.pkg)) {
			continue
		}
		for _, imp := range f.imports {
			to, ours := strings.CutPrefix(imp, module)
			if to = strings.TrimPrefix(to, "/"); ours && !mayImport(f.pkg, to) {
				t.Errorf("%s: %s must not import %s", f.path, name(f.pkg), name(to))
			}
		}
	}
}

// TestArchRules shows that the rules can fail.
func TestArchRules(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{"actors", "", true},
		{"actors", "supervisor", true},
		{"actors", "store", false},
		{"actors", "actors/presence", true},
		{"actors/presence", "actors/house", true},
		{"actors/presence", "actors", false},
		{"actors/house", "actors/presence", false},
		{"supervisor", "actors", false},
		{"", "registry", false},
		{"store/mailbox", "store", true},
		{"store/mailbox", "store/board", false},
		{"fleet", "fleet/client", true},
		{"fleet/client", "fleet", false},
		{"fleet/fleettest", "fleet/client", true},
		{"cmd/iapeer", "registry", false},
		{"cmd/iapeer", "fleet/client", true},
		{"cmd/iapeerd", "store/mailbox", true},
		{"cmd/iapeerd", "cmd/iapeer", false},
		{"cmd/iapeerd", "internal/fakemodel", false},
		{"session/host", "session/wire", true},
	} {
		if got := mayImport(tc.from, tc.to); got != tc.want {
			t.Errorf("mayImport(%q, %q) = %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestArchTenancy(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || slices.Contains(testRooms, top(f.pkg)) {
			continue
		}
		for _, imp := range f.imports {
			first, _, _ := strings.Cut(imp, "/")
			if !strings.Contains(first, ".") || strings.HasPrefix(imp, module) {
				continue
			}
			lib, rooms := tenant(imp)
			switch {
			case lib == "":
				t.Errorf("%s: library %s has no tenant: name its room in tenancy and its reason in ARCHITECTURE.md", f.path, imp)
			case !slices.Contains(rooms, everything) && !slices.ContainsFunc(rooms, func(r string) bool { return within(f.pkg, r) }):
				t.Errorf("%s: %s must not import %s: its tenants are %s", f.path, name(f.pkg), imp, strings.Join(rooms, ", "))
			}
		}
	}
}

func TestArchSizes(t *testing.T) {
	files := map[string]map[string]bool{} // by package; the platforms' files of one noun count once
	for _, f := range goFiles(t) {
		if f.lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d", f.path, f.lines, maxFileLines)
		}
		if strings.HasPrefix(f.path, "cmd/") && path.Base(f.path) == "main.go" && f.lines > maxMainLines {
			t.Errorf("%s has %d lines, at most %d: main only calls", f.path, f.lines, maxMainLines)
		}
		if f.test {
			continue
		}
		if files[f.pkg] == nil {
			files[f.pkg] = map[string]bool{}
		}
		files[f.pkg][platform.ReplaceAllString(path.Base(f.path), ".go")] = true
	}
	for pkg, names := range files {
		n, limit := len(names), maxPackageFiles
		if own, ok := roomyPackages[pkg]; ok {
			limit = own
		}
		if n > limit {
			t.Errorf("%s has %d files besides its tests, at most %d", name(pkg), n, limit)
		}
	}
}

func TestArchThinClient(t *testing.T) {
	if _, err := os.Stat("cmd/iapeer"); err != nil {
		t.Skip("cmd/iapeer is not there")
	}
	out, err := exec.Command("go", "list", "-deps", "./cmd/iapeer").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for lib, why := range thinClientLacks {
			if within(dep, lib) {
				t.Errorf("cmd/iapeer must not link %s: %s", dep, why)
			}
		}
		for _, r := range []string{"actors", "mcp", "store", "telemetry"} {
			if within(dep, module+"/"+r) {
				t.Errorf("cmd/iapeer must not link %s: it speaks to the daemon over HTTP", dep)
			}
		}
	}
}

func TestArchNothingOfOneMachine(t *testing.T) {
	walk(t, func(p string) {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 {
			return // binary
		}
		for n, line := range strings.Split(string(b), "\n") {
			if m := foreignPaths.FindString(line); m != "" {
				t.Errorf("%s:%d names a path of one machine: %q", p, n+1, strings.TrimSpace(m))
			}
		}
	})
}

// mayImport reports whether the arrows let pkg import to.
func mayImport(pkg, to string) bool {
	from := room(pkg)
	if to == "" || within(to, from) || from == room(to) && !strings.HasSuffix(from, "/*") {
		return true
	}
	if slices.Contains(testRooms, top(to)) {
		return false
	}
	return slices.ContainsFunc(arrows[from], func(allowed string) bool {
		return allowed == to || allowed == everything && !strings.HasPrefix(to, "cmd/")
	})
}

// room returns the key of arrows that holds for pkg.
func room(pkg string) string {
	if _, ok := arrows[pkg]; ok {
		return pkg
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if _, ok := arrows[path.Join(path.Dir(dir), "*")]; ok {
			return path.Join(path.Dir(dir), "*")
		}
		if _, ok := arrows[dir]; ok {
			return dir
		}
	}
	return pkg
}

// tenant returns the entry of tenancy that imp belongs to, the longest first.
func tenant(imp string) (lib string, rooms []string) {
	for l, r := range tenancy {
		if within(imp, l) && len(l) > len(lib) {
			lib, rooms = l, r
		}
	}
	return lib, rooms
}

// within reports whether path p is dir or below it.
func within(p, dir string) bool { return p == dir || dir != "" && strings.HasPrefix(p, dir+"/") }

func top(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}

func name(pkg string) string {
	if pkg == "" {
		return "the root package"
	}
	return pkg
}

// goFiles parses the imports of every Go file, for every platform.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	walk(t, func(p string) {
		if !strings.HasSuffix(p, ".go") {
			return
		}
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly)
		if err != nil {
			t.Errorf("parse: %v", err)
			return
		}
		g := goFile{path: p, pkg: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), lines: bytes.Count(src, []byte("\n"))}
		if g.pkg == "." {
			g.pkg = ""
		}
		for _, imp := range f.Imports {
			s, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			g.imports = append(g.imports, s)
		}
		files = append(files, g)
	})
	if len(files) == 0 {
		t.Fatal(fmt.Errorf("no Go files found: the test must run in the module's root"))
	}
	return files
}

// walk calls visit for every file of the tree that could be committed.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case d.Type().IsRegular() && d.Name() != ".git": // a file in a linked work tree
			visit(filepath.ToSlash(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
