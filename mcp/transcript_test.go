package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the responses of the transcripts")

// TestTranscripts replays conversations of real clients against a real
// listener: what they send is in *.request, what they get in *.response.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	t.Helper()
	old, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := start(t, nil)
	now := &txtar.Archive{Comment: old.Comment}
	for _, f := range old.Files {
		name, isRequest := strings.CutSuffix(f.Name, ".request")
		if !isRequest {
			continue
		}
		now.Files = append(now.Files, f, txtar.File{Name: name + ".response", Data: exchange(t, d, f.Data)})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(now), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(old)), string(txtar.Format(now))); diff != "" {
		t.Errorf("run with -update if this is meant:\n%s", diff)
	}
}

// exchange sends a request written as in HTTP/1.1 and returns the status, the
// content type and the body, indented.
func exchange(t *testing.T, d *daemon, text []byte) []byte {
	t.Helper()
	head, body, _ := strings.Cut(string(text), "\n\n")
	first, headers, _ := strings.Cut(head, "\n")
	method, path, _ := strings.Cut(first, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(strings.TrimSuffix(body, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(strings.NewReader(headers)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		r.Header.Set(key, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d %s\n", resp.StatusCode, resp.Header.Get("Content-Type"))
	if json.Indent(&out, raw, "", "  ") != nil {
		out.Write(raw)
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
}
