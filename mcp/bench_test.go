package mcp

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
)

// forgetful accepts everything and keeps nothing.
type forgetful struct{}

func (forgetful) Send(_ context.Context, d iapeer.Draft) (iapeer.SendResult, error) {
	return iapeer.SendResult{
		OK: true, DeliveredTo: iapeer.DeliveredTo{Personality: d.To, Runtime: "claude"}, TS: "2026-01-02T15:04:05+01:00",
		ID: "m-0123456789", State: iapeer.Seen, Evidence: &iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit", Session: "4f1c"},
	}, nil
}

// field is the set of handlers that are compared: the bare one reads the
// request and writes an answer of the same size.
func field(b *testing.B) (url string, client *http.Client, body []byte, headers http.Header) {
	b.Helper()
	var tokens gate.Table
	token, hash := gate.NewToken()
	tokens.Add(hash, gate.TokenFacts{Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Generation: 1})
	s := New(Config{Sender: forgetful{}, Version: "1.0.0"})
	body = []byte(callBody(`{"personality":"boris","message":"`+strings.Repeat("lorem ipsum ", 85)+`"}`, `{"claudecode/toolUseId":"toolu_16c795060a3a074f96","progressToken":1}`))
	headers = http.Header{"Content-Type": {"application/json"}, gate.IdentityHeader: {"claude-anna"}, "Authorization": {"Bearer " + token}}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/mcp", bytes.NewReader(body)))
	size := w.Body.Len()
	g := gate.New(gate.Config{OwnUID: os.Getuid(), Peers: registry{}, Sessions: registry{}, Tokens: &tokens})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(make([]byte, size))
	})
	mux := http.NewServeMux()
	mux.Handle("/bare", bare)
	mux.Handle("/gate", g.Wrap(bare))
	mux.Handle("/mcp", g.Wrap(s))
	mux.Handle("/streamable", g.Wrap(s.Streamable()))
	srv := &http.Server{Handler: mux, ConnContext: g.ConnContext}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	b.Cleanup(func() { _ = srv.Close() })
	client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return "http://" + l.Addr().String(), client, body, headers
}

func once(b *testing.B, client *http.Client, url string, body []byte, headers http.Header) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header = headers
	resp, err := client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status)
	}
}

// BenchmarkSendToPeer sends 1 KiB to a Sender that only remembers it, alone
// and from 32 callers, beside a bare handler in the same process.
func BenchmarkSendToPeer(b *testing.B) {
	url, client, body, headers := field(b)
	for _, path := range []string{"bare", "gate", "mcp", "streamable"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				once(b, client, url+"/"+path, body, headers)
			}
		})
		b.Run(path+"-32", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					once(b, client, url+"/"+path, body, headers)
				}
			})
		})
	}
}

// BenchmarkRatio interleaves the handlers, 32 requests at a time, and reports
// how much more processor time, client included, each takes than the bare one.
func BenchmarkRatio(b *testing.B) {
	url, client, body, headers := field(b)
	paths := []string{"bare", "gate", "mcp", "streamable"}
	spent := make([]time.Duration, len(paths))
	for b.Loop() {
		for i, path := range paths {
			before := cpu(b)
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for range 20 {
						once(b, client, url+"/"+path, body, headers)
					}
				})
			}
			wg.Wait()
			spent[i] += cpu(b) - before
		}
	}
	for i, path := range paths[1:] {
		b.ReportMetric(float64(spent[i+1])/float64(spent[0]), path+"/bare")
	}
	b.ReportMetric(float64(spent[0].Microseconds())/float64(b.N*640), "bare-µs-cpu/op")
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHandler is the server's own share: no network, no client.
func BenchmarkHandler(b *testing.B) {
	s := New(Config{Sender: forgetful{}, Version: "1.0.0"})
	body := callBody(`{"personality":"boris","message":"`+strings.Repeat("lorem ipsum ", 85)+`"}`, `{"claudecode/toolUseId":"toolu_16c795060a3a074f96","progressToken":1}`)
	caller := iapeer.Caller{Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Proof: iapeer.ProofUID}
	for name, h := range map[string]http.Handler{"short": s, "streamable": s.Streamable()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set(gate.IdentityHeader, "claude-anna")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r.WithContext(gate.WithCaller(r.Context(), caller)))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
