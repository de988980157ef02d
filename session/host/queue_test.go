package host

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
)

// TestQueueWritesJobsWhole has several writers put jobs that are longer than the
// terminal takes at once, while its program reads slowly: each arrives whole, those
// of one writer in their order, and each is done once.
func TestQueueWritesJobsWhole(t *testing.T) {
	const writers, each, size = 4, 12, 9000
	master, tty, err := openPTY(80, 24, true)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	q := newQueue(master)
	go q.run()
	defer q.end()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Add(each)
		go func() {
			for i := range each {
				text := bytes.Repeat(fmt.Appendf(nil, "%d", w), size)
				copy(text, fmt.Sprintf("<%d.%02d", w, i))
				text[size-1] = '>'
				q.put(job{bytes: text, done: func(n int, err error) {
					if n != size || err != nil {
						t.Errorf("job %d.%d: %d bytes, %v", w, i, n, err)
					}
					wg.Done()
				}})
			}
		}()
	}
	got := make([]byte, writers*each*size)
	if _, err := io.ReadFull(tty, got); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	next := [writers]int{}
	for at := 0; at < len(got); at += size {
		var w, i int
		if _, err := fmt.Sscanf(string(got[at:at+5]), "<%d.%d", &w, &i); err != nil || got[at+size-1] != '>' {
			t.Fatalf("at %d: %q…%q, want a whole job", at, got[at:at+5], got[at+size-5:at+size])
		}
		if i != next[w] || bytes.Count(got[at+5:at+size-1], fmt.Appendf(nil, "%d", w)) != size-6 {
			t.Fatalf("at %d: job %d of writer %d, want %d, unmixed", at, i, w, next[w])
		}
		next[w]++
	}
}

// TestQueueEnds: what is put after the end, and what a terminal never takes, is
// done with an error.
func TestQueueEnds(t *testing.T) {
	master, tty, err := openPTY(80, 24, true)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	q := newQueue(master)
	go q.run()
	results := make(chan error, 3)
	put := func(n int) {
		q.put(job{bytes: make([]byte, n), done: func(_ int, err error) { results <- err }})
	}
	put(1 << 20) // nobody reads
	put(10)
	q.end()
	master.Close()
	put(10)
	for range 3 {
		if err := <-results; err == nil {
			t.Error("a job that was not written is done without an error")
		}
	}
}
