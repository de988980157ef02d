package anchor

import (
	"context"
	"os"
)

var background = context.Background()

// A journal makes appended bytes durable, one fdatasync for all that came
// during the last one.
type journal struct {
	file  *os.File
	queue chan entry
}

type entry struct {
	bytes []byte
	done  chan error
}

// maxGroup bounds what shares one fdatasync.
const maxGroup = 512

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, queue: make(chan entry, maxGroup)}
	go j.run()
	return j, nil
}

// append returns when b is on disk.
func (j *journal) append(b []byte) error {
	e := entry{bytes: b, done: make(chan error, 1)}
	j.queue <- e
	return <-e.done
}

func (j *journal) run() {
	var buf []byte
	for first := range j.queue {
		group := []entry{first}
		buf = append(buf[:0], first.bytes...)
		for more := true; more && len(group) < maxGroup; {
			select {
			case e := <-j.queue:
				group, buf = append(group, e), append(buf, e.bytes...)
			default:
				more = false
			}
		}
		_, err := j.file.Write(buf)
		if err == nil {
			err = syncData(j.file)
		}
		for _, e := range group {
			e.done <- err
		}
	}
}
