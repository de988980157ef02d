package load

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun counts what a server answers, with both framings.
func TestRun(t *testing.T) {
	for _, size := range []int{10, 100_000} { // net/http sends the second one in chunks
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, string(body)+strings.Repeat("x", size))
		}))
		defer srv.Close()
		s := Server{
			Addr: srv.Listener.Addr().String(), Request: func(n int) (string, string, []byte) { return "/", "X-A: b\r\n", fmt.Append(nil, n) },
			Check: func(n int, reply []byte) error {
				if want := fmt.Sprint(n) + strings.Repeat("x", size); string(reply) != want {
					return fmt.Errorf("reply %.20q of %d bytes, want %d", reply, len(reply), len(want))
				}
				return nil
			},
		}
		r, err := s.Run(4, 5, 40, time.Minute)
		if err != nil || r.Count != 40 || r.P50() <= 0 {
			t.Errorf("Run = %+v, %v", r, err)
		}
	}
}

func TestRunEndsAtTheFirstError(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	s := Server{Addr: srv.Listener.Addr().String(), Request: func(int) (string, string, []byte) { return "/", "", nil }}
	if _, err := s.Run(2, 0, 1000, time.Minute); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("Run = %v, want status 404", err)
	}
}

// TestSinks finds marks wherever reads cut them.
func TestSinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	s, err := NewSinks([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wait := s.Await(7)
	for _, part := range []string{"~~12~text~0000", "00006~ more ~000000007", "~~000000008~"} {
		if _, err := s.files[0].WriteString(part); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := wait(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.AwaitSeen(3, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestStatistics(t *testing.T) {
	if got := Median([]float64{3, 1, 2, 10}); got != 2.5 {
		t.Errorf("Median = %v, want 2.5", got)
	}
	if got := Ratios([]float64{2, 4, 6}, []float64{1, 0, 3}); len(got) != 2 || got[1] != 2 {
		t.Errorf("Ratios = %v, want [2 2]", got)
	}
	low, high := Interval([]float64{0.9, 1, 1.1, 1})
	if low > 1 || high < 1 || high-low > 0.4 {
		t.Errorf("Interval = %v, %v", low, high)
	}
	if _, high := Interval([]float64{1}); !math.IsInf(high, 1) {
		t.Errorf("Interval of one = %v, want infinity", high)
	}
	if got := Quantile([]time.Duration{1, 2, 3}, 1); got != 3 {
		t.Errorf("Quantile = %v, want 3", got)
	}
}
