package host

import (
	"bufio"
	"encoding/binary"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/iapeer/iapeer/session/wire"
)

// pair returns both ends of a unix socket.
func pair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if theirs, err = net.Dial("unix", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// numbered is a frame of a size that begins with its number.
func numbered(n uint32, size int) []byte {
	return wire.Append(nil, wire.Data, binary.BigEndian.AppendUint32(nil, n), make([]byte, size))
}

// TestClientKeepsOrder sends frames of all sizes, many more than the socket takes,
// to a client that reads slowly: they arrive whole and in order.
func TestClientKeepsOrder(t *testing.T) {
	ours, theirs := pair(t)
	c := newClient(ours)
	go c.run()
	const n = 400
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint32(n) {
			c.send(numbered(i, int(i*i)%9000))
		}
		c.shut()
	})
	in := bufio.NewReaderSize(theirs, 16)
	for i := range uint32(n) {
		typ, payload, err := wire.Read(in)
		if err != nil || typ != wire.Data || binary.BigEndian.Uint32(payload) != i || len(payload) != 4+int(i*i)%9000 {
			t.Fatalf("frame %d: type %d, %d bytes, %v", i, typ, len(payload), err)
		}
	}
	wg.Wait()
	<-c.done
}

// TestClientFallsBehind: a terminal that does not read gets the present picture in
// place of what it missed, behind the rest of the frame that it was being sent.
func TestClientFallsBehind(t *testing.T) {
	ours, theirs := pair(t)
	c := newClient(ours)
	c.role = wire.RoleAttach
	const picture = 1 << 30
	painted := 0
	c.repaint = func(*client) []byte { painted++; return numbered(picture, 10) }
	sent := uint32(0)
	for painted == 0 {
		c.send(numbered(sent, 100_000))
		sent++
	}
	go c.run()
	c.send(numbered(sent, 10))
	c.shut()
	in := bufio.NewReader(theirs)
	next := uint32(0)
	for {
		_, payload, err := wire.Read(in)
		if err != nil {
			t.Fatalf("after %d frames: %v", next, err)
		}
		n := binary.BigEndian.Uint32(payload)
		if n == picture {
			break
		}
		if n != next {
			t.Fatalf("frame %d, want %d", n, next)
		}
		next++
	}
	if next == 0 || next >= sent {
		t.Errorf("%d of %d frames came before the picture, want some", next, sent)
	}
	if _, payload, err := wire.Read(in); err != nil || binary.BigEndian.Uint32(payload) != sent {
		t.Errorf("behind the picture: %v, %v, want what was sent last", payload, err)
	}
}
