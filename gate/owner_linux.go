package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// A tcpEnd is the owner of one end of a TCP connection.
type tcpEnd struct {
	uid   int
	inode uint32
}

// Sizes of struct inet_diag_req_v2 and struct inet_diag_msg; see sock_diag(7).
const (
	diagRequestBytes = 56
	diagMessageBytes = 72
	diagIDOffset     = 4 // of struct inet_diag_sockid in the message
	diagIDBytes      = 48
)

// TCP states of the other end in which a live process stands behind it; see
// tcp_states.h. A closed client's entry shows user 0 and inode 0.
const (
	tcpEstablished = 1
	tcpCloseWait   = 8
)

var (
	errNoOwner   = errors.New("no process holds its other end")
	errDiagReply = errors.New("the kernel's answer is not understood")
)

// peerCredentials returns who connected to the unix socket; see unix(7).
func peerCredentials(c *net.UnixConn) (uid, pid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return -1, 0, err
	}
	if credErr != nil {
		return -1, 0, credErr
	}
	return int(cred.Uid), int(cred.Pid), nil
}

// canAskOwner reports whether this kernel answers inet_diag. A kernel without
// it gives the same answer as for an absent connection, so we ask once about
// a connection of our own.
var canAskOwner = sync.OnceValue(func() bool {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return false
	}
	defer func() { _ = l.Close() }()
	out, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		return false
	}
	defer func() { _ = out.Close() }()
	in, err := l.AcceptTCP()
	if err != nil {
		return false
	}
	defer func() { _ = in.Close() }()
	o, err := tcpOwner(in)
	return err == nil && o.inode != 0
})

// tcpOwner asks the kernel for the owner of the other end of c.
func tcpOwner(c *net.TCPConn) (tcpEnd, error) {
	here, ok1 := addrPort(c.LocalAddr())
	there, ok2 := addrPort(c.RemoteAddr())
	if !ok1 || !ok2 || !there.Addr().IsLoopback() {
		return tcpEnd{uid: -1}, errNoOwner
	}
	request := diagRequest(there, here) // seen from the other end
	reply, err := diagExchange(request)
	if err != nil {
		return tcpEnd{uid: -1}, err
	}
	return parseDiag(reply, request[unix.NLMSG_HDRLEN+8:][:diagIDBytes])
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), true
}

// diagRequest builds an exact look-up of the socket whose own address is src
// and whose peer is dst.
func diagRequest(src, dst netip.AddrPort) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN+diagRequestBytes)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], uint32(len(b)))
	ne.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	ne.PutUint16(b[6:], unix.NLM_F_REQUEST)
	r := b[unix.NLMSG_HDRLEN:]
	r[0] = unix.AF_INET
	if src.Addr().Is6() {
		r[0] = unix.AF_INET6
	}
	r[1] = unix.IPPROTO_TCP
	ne.PutUint32(r[4:], 0xffffffff) // every state: the answer tells which
	id := r[8:]
	binary.BigEndian.PutUint16(id[0:], src.Port())
	binary.BigEndian.PutUint16(id[2:], dst.Port())
	copy(id[4:20], src.Addr().AsSlice())
	copy(id[20:36], dst.Addr().AsSlice())
	ne.PutUint64(id[40:], 0xffffffffffffffff) // no cookie
	return b
}

// diagTimeout bounds the wait for the kernel's answer.
var diagTimeout = unix.Timeval{Sec: 1}

func diagExchange(request []byte) ([]byte, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("ask inet_diag: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &diagTimeout) // the kernel answers at once anyway
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("ask inet_diag: %w", err)
	}
	buf := make([]byte, 1024)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return nil, fmt.Errorf("ask inet_diag: %w", err)
	}
	return buf[:n], nil
}

// parseDiag reads the answer about the socket whose id was asked for.
func parseDiag(reply, id []byte) (tcpEnd, error) {
	none := tcpEnd{uid: -1}
	if len(reply) < unix.NLMSG_HDRLEN+4 {
		return none, errDiagReply
	}
	ne := binary.NativeEndian
	kind, m := ne.Uint16(reply[4:]), reply[unix.NLMSG_HDRLEN:]
	if kind == unix.NLMSG_ERROR {
		return none, errNoOwner
	}
	if kind != unix.SOCK_DIAG_BY_FAMILY || len(m) < diagMessageBytes {
		return none, errDiagReply
	}
	if !sameEnds(m[diagIDOffset:], id) {
		return none, errNoOwner // a listener on the same port answers for an absent connection
	}
	state := m[1]
	o := tcpEnd{uid: int(ne.Uint32(m[64:])), inode: ne.Uint32(m[68:])}
	if o.inode == 0 || (state != tcpEstablished && state != tcpCloseWait) {
		return none, errNoOwner
	}
	return o, nil
}

// sameEnds compares ports and addresses. A socket of the other family that
// serves mapped addresses answers with them mapped.
func sameEnds(got, want []byte) bool {
	if string(got[:4]) != string(want[:4]) {
		return false
	}
	return sameAddr(got[4:20], want[4:20]) && sameAddr(got[20:36], want[20:36])
}

func sameAddr(got, want []byte) bool {
	if string(got) == string(want) {
		return true
	}
	a := netip.AddrFrom16([16]byte(got))
	return a.Is4In6() && string(a.Unmap().AsSlice()) == string(want[:4])
}
