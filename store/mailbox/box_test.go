package mailbox_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// crashEnv names the file that a child of this test writes until it is killed.
const crashEnv = "MAILBOX_CRASH_TEST_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		crashingChild(path)
	}
	if err := flag.Set("rapid.checks", "20"); err != nil { // each one opens files; the command line wins
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// crashingChild appends and marks from many goroutines, and prints each id and
// state once the callback says that it is durable.
func crashingChild(path string) {
	db, err := store.Open(context.Background(), path, zap.NewNop(), mailbox.Migrations())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	b, err := mailbox.Open(context.Background(), db)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	say := func(id iapeer.MessageID, s iapeer.State) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(id, s)
	}
	for w := range 8 {
		go func() {
			for {
				a := send(b, letter(fmt.Sprintf("claude-ada%d", w), fmt.Sprintf("codex-bob%d", w), "x"))
				if a.err != nil {
					continue // the backlog of a recipient who never reads
				}
				say(a.ID, a.State)
				for _, r := range mark(b, iapeer.Mark{ID: a.ID, Change: iapeer.ChangeOffer}, iapeer.Mark{ID: a.ID, Change: iapeer.ChangeSee}) {
					say(a.ID, r.Message.State)
				}
			}
		}()
	}
	select {}
}

// Accepted means durable: whatever a sender was told before SIGKILL is there,
// in the state that was told or a later one.
func TestAcceptedMeansDurable(t *testing.T) {
	path := t.TempDir() + "/x.db"
	told := make(map[string]string)
	for range 3 {
		killedChild(t, path, 600, func(line string) {
			id, state, _ := strings.Cut(line, " ")
			told[id] = state
		})
	}
	b, db := openBox(t, path)
	if db.Damage() != nil {
		t.Fatalf("damaged: %+v", db.Damage())
	}
	later := map[string]int{"accepted": 1, "offered": 2, "seen": 3}
	for id, state := range told {
		m, history, err := b.Message(t.Context(), id)
		if err != nil || later[string(m.State)] < later[state] || len(history) != later[string(m.State)] {
			t.Errorf("%s was told %s: %s with %d steps, %v", id, state, m.State, len(history), err)
		}
	}
	sameCounters(t, b)
	t.Logf("%d accepted", len(told))
}

func killedChild(t *testing.T, path string, n int, line func(string)) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	got := 0
	for in.Scan() {
		line(in.Text())
		if got++; got == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // killed
	if got < n {
		t.Fatalf("the child ended after %d lines", got)
	}
}

// sameCounters compares the counters in memory with the open messages.
func sameCounters(t interface {
	Errorf(string, ...any)
	Fatal(...any)
}, b box) {
	open := make(map[iapeer.Name]int)
	boxes := make(map[iapeer.Identity]int)
	for _, id := range b.Waiting() {
		if _, done := open[id.Name]; done {
			continue
		}
		list, err := b.Open(context.Background(), id.Name)
		if err != nil {
			t.Fatal(err)
		}
		open[id.Name] = len(list)
		for _, m := range list {
			boxes[m.To]++
		}
	}
	for name, want := range open {
		if got, _ := b.Backlog(name); got != want || want == 0 {
			t.Errorf("backlog of %s is counted as %d, %d are open", name, got, want)
		}
	}
	for id, want := range boxes {
		if got := b.OpenFor(id); got != want {
			t.Errorf("%s is counted as %d, %d are open", id, got, want)
		}
	}
}

func TestReopeningGoesOnWhereItWas(t *testing.T) {
	path := t.TempDir() + "/x.db"
	b, db := openBox(t, path)
	first := letter("claude-ada", "codex-bob", "12345")
	first.Key = "k"
	one := mustSend(t, b, first)
	mustSend(t, b, letter("claude-ada", "cli-bob", "123"))
	change(b, one.ID, iapeer.ChangeOffer, iapeer.ChangeLose)
	db.Close()

	b, _ = openBox(t, path)
	if n, bytes := b.Backlog("bob"); n != 2 || bytes != 8 {
		t.Errorf("Backlog = %d, %d, want 2, 8", n, bytes)
	}
	if a := send(b, first); !a.repeated || a.ID != one.ID || a.State != iapeer.Unknown {
		t.Errorf("repeated after reopening: %+v", a)
	}
	if m := mustSend(t, b, letter("claude-ada", "codex-bob", "x")); m.Seq != 3 {
		t.Errorf("next number %d, want 3", m.Seq)
	}
}

func TestAppendAfterCloseSaysSo(t *testing.T) {
	b, db := openBox(t, t.TempDir()+"/x.db")
	m := mustSend(t, b, letter("claude-ada", "codex-bob", "x"))
	db.Close()
	if err := send(b, letter("claude-ada", "codex-bob", "x")).err; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Append = %v", err)
	}
	if r := mark(b, iapeer.Mark{ID: m.ID, Change: iapeer.ChangeSee}); !errors.Is(r[0].Err, store.ErrClosed) || r[0].Message.ID != m.ID {
		t.Errorf("Mark = %+v", r)
	}
	if n, _ := b.Backlog("bob"); n != 1 {
		t.Errorf("backlog %d, want 1", n)
	}
}

func TestConcurrentUseKeepsTheCounters(t *testing.T) {
	b, _ := openBox(t, t.TempDir()+"/x.db")
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 20 {
				m := letter(fmt.Sprintf("claude-ada%d", w), fmt.Sprintf("codex-bob%d", i%3), "xx")
				m.Key = fmt.Sprint(w, i/2)
				a := send(b, m)
				if a.err != nil || a.repeated != (i%2 == 1) {
					t.Errorf("Append: repeated %v, %v", a.repeated, a.err)
				}
				if i%4 == 0 {
					change(b, a.ID, iapeer.ChangeOffer, iapeer.ChangeTake, iapeer.ChangeAnswer)
				}
				if _, err := b.Pending(t.Context(), m.To, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sameCounters(t, b)
	list, err := b.Messages(t.Context(), iapeer.MessageQuery{Limit: 1000})
	if err != nil || len(list) != 160 {
		t.Errorf("%d messages, %v, want 160", len(list), err)
	}
}

// The file and the memory do the same, whatever happens in whatever order.
func TestBoxIsWhatMemoryIs(t *testing.T) {
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		path := fmt.Sprintf("%s/%d.db", dir, runs)
		db, file := reopen(rt, nil, path)
		defer func() { db.Close() }()
		memory := mailbox.NewMemory()
		clock := time.UnixMilli(1_700_000_000_000)
		names := rapid.SampledFrom([]string{"claude-ada", "codex-bob", "cli-bob", "codex-eve"})
		known := []iapeer.MessageID{"m-zzzzzzzzzz"}
		rt.Repeat(map[string]func(*rapid.T){
			"compare": func(rt *rapid.T) { sameMailboxes(rt, file, memory) },
			"append": func(rt *rapid.T) {
				m := letter(names.Draw(rt, "from"), names.Draw(rt, "to"), rapid.StringN(0, 20, -1).Draw(rt, "body"))
				m.ID = iapeer.MessageID(fmt.Sprintf("m-%010d", len(known)))
				m.Key = rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(rt, "key")
				m.Proof = rapid.SampledFrom([]iapeer.Proof{iapeer.ProofUID, iapeer.ProofSession}).Draw(rt, "proof")
				m.State = rapid.SampledFrom([]iapeer.State{"", iapeer.Held}).Draw(rt, "state")
				m.AcceptedAt = clock
				one, two := send(file, m), send(memory, m)
				if one.repeated != two.repeated || one.ID != two.ID || one.err != nil || two.err != nil {
					rt.Fatalf("Append: %+v and %+v", one, two)
				}
				known = append(known, one.ID)
			},
			"mark": func(rt *rapid.T) {
				var marks []iapeer.Mark
				for range rapid.IntRange(1, 3).Draw(rt, "marks") {
					marks = append(marks, iapeer.Mark{
						ID: rapid.SampledFrom(known).Draw(rt, "id"), Change: rapid.SampledFrom(iapeer.Changes).Draw(rt, "change"),
						TurnCut: rapid.Bool().Draw(rt, "cut"), Answer: rapid.SampledFrom([]string{"", "yes"}).Draw(rt, "answer"),
						Evidence: iapeer.Evidence{Source: "hook", At: clock},
					})
				}
				sameMarked(rt, mark(file, marks...), mark(memory, marks...))
			},
			"time": func(*rapid.T) { clock = clock.Add(3 * 24 * time.Hour) },
			"expire": func(rt *rapid.T) {
				one, err1 := file.Expire(context.Background(), clock)
				two, err2 := memory.Expire(context.Background(), clock)
				if err1 != nil || err2 != nil {
					rt.Fatal(err1, err2)
				}
				sameMarked(rt, one, two)
			},
			"prune": func(rt *rapid.T) {
				r := mailbox.Retention{Age: 10 * 24 * time.Hour}
				one, err1 := file.Prune(context.Background(), clock, r)
				two, err2 := memory.Prune(context.Background(), clock, r)
				if one != two || err1 != nil || err2 != nil {
					rt.Fatal(one, two, err1, err2)
				}
			},
			"reopen": func(rt *rapid.T) { db, file = reopen(rt, db, path) },
		})
		sameMailboxes(rt, file, memory)
	})
}

func reopen(rt *rapid.T, db *store.DB, path string) (*store.DB, *mailbox.Box) {
	if db != nil {
		db.Close()
	}
	db, err := store.Open(context.Background(), path, zap.NewNop(), mailbox.Migrations())
	if err != nil {
		rt.Fatal(err)
	}
	b, err := mailbox.OpenSmall(context.Background(), db, 3, 12)
	if err != nil {
		rt.Fatal(err)
	}
	return db, b
}

func sameMarked(rt *rapid.T, one, two []mailbox.Marked) {
	text := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
	if diff := cmp.Diff(one, two, text); diff != "" {
		rt.Fatalf("marks differ (-file +memory):\n%s", diff)
	}
}

// sameMailboxes compares all that can be read.
func sameMailboxes(rt *rapid.T, file, memory box) {
	ctx := context.Background()
	same := func(what string, read func(box) (any, error)) {
		one, err1 := read(file)
		two, err2 := read(memory)
		if err1 != nil || err2 != nil {
			rt.Fatal(what, err1, err2)
		}
		if diff := cmp.Diff(one, two); diff != "" {
			rt.Fatalf("%s (-file +memory):\n%s", what, diff)
		}
	}
	same("messages", func(b box) (any, error) { return b.Messages(ctx, iapeer.MessageQuery{Limit: 1000}) })
	same("waiting", func(b box) (any, error) { return b.Waiting(), nil })
	for _, id := range []iapeer.Identity{identity("codex-bob"), identity("cli-bob"), identity("claude-ada")} {
		same("pending", func(b box) (any, error) { return b.Pending(ctx, id, 0) })
		same("open", func(b box) (any, error) { return b.Open(ctx, id.Name) })
		same("inbox", func(b box) (any, error) { return b.Inbox(ctx, id, true, 0) })
		same("backlog", func(b box) (any, error) {
			n, bytes := b.Backlog(id.Name)
			return [3]int64{int64(n), bytes, int64(b.OpenFor(id))}, nil
		})
	}
	list, err := memory.Messages(ctx, iapeer.MessageQuery{Limit: 3})
	if err != nil {
		rt.Fatal(err)
	}
	for _, m := range list {
		same("history", func(b box) (any, error) {
			_, history, err := b.Message(ctx, string(m.ID))
			return history, err
		})
	}
	sameCounters(rt, file)
}
