package gate

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func FuzzDiag(f *testing.F) {
	request := diagRequest(netip.MustParseAddrPort("127.0.0.1:1000"), netip.MustParseAddrPort("127.0.0.1:8765"))
	id := request[unix.NLMSG_HDRLEN+8:][:diagIDBytes]
	good := make([]byte, unix.NLMSG_HDRLEN+diagMessageBytes)
	good[4], good[unix.NLMSG_HDRLEN+1] = unix.SOCK_DIAG_BY_FAMILY, tcpEstablished
	copy(good[unix.NLMSG_HDRLEN+diagIDOffset:], id)
	good[unix.NLMSG_HDRLEN+68] = 9
	f.Add(good)
	f.Add(good[:30])
	f.Add([]byte{})
	if o, err := parseDiag(good, id); err != nil || o.inode != 9 || o.uid != 0 {
		f.Fatalf("parseDiag = %+v, %v", o, err)
	}
	for at, v := range map[int]byte{1: 6, 68: 0, diagIDOffset: 7} { // TIME_WAIT, no inode, another port
		b := append([]byte(nil), good...)
		b[unix.NLMSG_HDRLEN+at] = v
		if o, err := parseDiag(b, id); err == nil {
			f.Fatalf("parseDiag with byte %d = %d: %+v", at, v, o)
		}
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		if o, err := parseDiag(reply, id); err == nil && (o.inode == 0 || o.uid < 0) {
			t.Errorf("%+v", o)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (a) b) S 3 7 5 34816 7 4194304 0"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseStat(b) })
}
