package session

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A keyReader reads a terminal until it is stopped. Unlike a blocked read it
// can be stopped without swallowing the next key, which belongs to whoever
// reads the terminal afterwards.
type keyReader struct {
	bytes chan []byte
	wakeR *os.File
	wakeW *os.File
	done  chan struct{}
}

func readKeys(in *os.File) (*keyReader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	k := &keyReader{bytes: make(chan []byte), wakeR: r, wakeW: w, done: make(chan struct{})}
	go k.run(int(in.Fd()))
	return k, nil
}

func (k *keyReader) run(fd int) {
	defer close(k.bytes)
	wake := int(k.wakeR.Fd())
	for {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
		_, err := unix.Poll(p, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || p[1].Revents != 0 {
			return
		}
		b := make([]byte, 4096)
		n, err := unix.Read(fd, b)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		select {
		case k.bytes <- b[:n]:
		case <-k.done:
			return
		}
	}
}

// stop ends the reader and waits for it.
func (k *keyReader) stop() {
	close(k.done)
	_, _ = k.wakeW.Write([]byte{0})
	for range k.bytes {
	}
	_ = k.wakeR.Close()
	_ = k.wakeW.Close()
}
