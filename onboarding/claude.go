package onboarding

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/edit"
)

// mcpEntry is our server in a project's .mcp.json. Its shape is fixed: other
// programs read it.
type mcpEntry struct {
	Type    string            `json:"type"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// identityHeader names the peer that speaks.
const identityHeader = "X-IAPeer-Identity"

var mcpPath = []string{"mcpServers", "iapeer"}

// addMCPServer puts our server into .mcp.json beside the others. Bytes that are
// not such a document give edit.ErrNotJSON; they are kept aside before a fresh one is
// written.
func addMCPServer(before []byte, id iapeer.Identity, url string) (after []byte, t trace, err error) {
	doc, err := edit.ParseJSON(before)
	if err != nil {
		return before, trace{}, err
	}
	entry := mcpEntry{Type: "http", URL: url, Headers: map[string]string{identityHeader: id.String()}}
	return setTraced(doc, before, entry, mcpPath...)
}

// setTraced sets a key and tells how to take it back. Bytes that hold the value
// already come back as they are.
func setTraced(doc edit.JSON, before []byte, value any, path ...string) (after []byte, t trace, err error) {
	t = trace{Kind: traceKey, Key: path, After: edit.Encode(value)}
	if old, ok := doc.Raw(path...); ok {
		t.Before = &old
	}
	out, made, err := doc.Set(value, path...)
	t.Made = made
	if err != nil || out == doc && len(before) > 0 {
		return before, t, err
	}
	return out.Bytes(), t, nil
}

// MCPIdentity is the peer as which a folder's .mcp.json speaks, zero when it
// names none. Older programs wrote it as the default of a variable:
// ${PEER_IDENTITY:-claude-ada}.
func MCPIdentity(path string) iapeer.Identity {
	b, _, _ := disk.ReadFile(path)
	doc, err := edit.ParseJSON(b)
	if err != nil {
		return iapeer.Identity{}
	}
	header := doc.String("mcpServers", "iapeer", "headers", identityHeader)
	if _, name, ok := strings.Cut(strings.TrimSuffix(header, "}"), ":-"); ok {
		header = name
	}
	id, _ := iapeer.ParseIdentity(header)
	return id
}

// approveServer lets claude use our server of .mcp.json without asking. The key
// stands in a file of this person alone, never in one that a team shares. What
// the person refused stays refused.
func approveServer(before []byte) (after []byte, t trace, warn string, err error) {
	doc, err := edit.ParseJSON(before)
	if err != nil {
		return before, trace{}, "", err
	}
	if doc.Holds("iapeer", "disabledMcpjsonServers") {
		return before, trace{}, "claude was told not to use the iapeer server here: take it out of disabledMcpjsonServers in .claude/settings.local.json", nil
	}
	t = trace{Kind: traceItem, Key: []string{"enabledMcpjsonServers"}, After: "iapeer"}
	if old, ok := doc.Raw(t.Key...); ok {
		t.Before = &old
	}
	out, made, err := doc.Add("iapeer", t.Key...)
	t.Made = made
	if err != nil || out == doc && len(before) > 0 {
		return before, t, "", err
	}
	return out.Bytes(), t, "", nil
}

// Seed gives one key in claude's state file a value, such as the trust in a
// peer's own folder, so that a session there begins without a dialog. It
// changes that one key, under the lock that claude takes, and records it for
// remove. It writes nothing when the value is there already. Seed may be called
// from any goroutine; it waits for a running onboarding command.
func Seed(ctx context.Context, p iapeer.Paths, peer iapeer.Name, file string, keys []string, value any) error {
	return exclusively(ctx, p, func() error {
		prints, err := loadFootprint(p)
		if err != nil {
			return err
		}
		w := &writer{root: p.Root, peer: peer, prints: prints, report: &iapeer.OnboardingReport{}}
		return w.seed(ctx, file, keys, value)
	})
}

// seed sets one key under claude's own lock.
func (w *writer) seed(ctx context.Context, file string, keys []string, value any) error {
	set := func() error {
		return w.file("claude trust", file, disk.PrivateFile, func(before []byte, _ bool) (change, error) {
			doc, err := edit.ParseJSON(before)
			if err != nil {
				return change{after: before}, err
			}
			after, t, err := setTraced(doc, before, value, keys...)
			return change{after: after, trace: t}, err
		})
	}
	if w.dry {
		return set()
	}
	return withClaudeLock(ctx, file, set)
}

// The lock that claude takes on its state file is a folder beside it, which its
// holder keeps young.
const (
	claudeLockStale = 10 * time.Second
	claudeLockWait  = 5 * time.Second
	claudeLockPause = 20 * time.Millisecond
)

// errLocked tells that another program holds claude's state file.
var errLocked = errors.New("claude holds the lock on it; try again")

// withClaudeLock runs do while no claude writes the file.
func withClaudeLock(ctx context.Context, file string, do func() error) error {
	lock := file + ".lock"
	if err := os.MkdirAll(filepath.Dir(lock), disk.PrivateDir); err != nil {
		return err
	}
	deadline := time.Now().Add(claudeLockWait)
	for {
		err := os.Mkdir(lock, disk.SharedDir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("lock %s: %w", lock, err)
		}
		if st, err := os.Stat(lock); err == nil && time.Since(st.ModTime()) > claudeLockStale {
			_ = os.Remove(lock)
			continue
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", file, errLocked)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(claudeLockPause):
		}
	}
	defer os.Remove(lock) //nolint:errcheck // a lock that stays grows stale in seconds
	return do()
}
