package gate

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/iapeer/iapeer"
)

// otherUID is "nobody" on the systems that we test on; any user but ours does.
const otherUID = 65534

// asOther returns the command run by the other user.
func asOther(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can become a second user with setpriv; run this test as root")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("SKIPPED: setpriv (util-linux) is not installed")
	}
	id := strconv.Itoa(otherUID)
	out := exec.CommandContext(t.Context(), setpriv, "--reuid", id, "--regid", id, "--clear-groups", cmd.Path)
	out.Env, out.Stderr = cmd.Env, cmd.Stderr
	return out
}

// ended returns a server whose handler counts, and a channel that gets one
// value for each connection that ended.
func ended(cfg Config, served *atomic.Int32) (*http.Server, chan struct{}) {
	srv := New(cfg).Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		echo(w, r)
	}))
	done := make(chan struct{}, 1024)
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			done <- struct{}{}
		}
	}
	return srv, done
}

func TestAnotherUserIsRefused(t *testing.T) {
	program := sharedProgram(t)
	for _, how := range []string{"stay", "close", "half"} {
		t.Run(how, func(t *testing.T) {
			const times = 100
			var served atomic.Int32
			srv, done := ended(configOf(newWorld(), nil), &served)
			addr, _ := serveOn(t, srv)
			out, err := asOther(t, caller(t, program, how, "tcp", addr, times, IdentityHeader+"=claude-anna")).Output()
			if err != nil {
				t.Fatal(err)
			}
			for range times {
				<-done
			}
			if n := served.Load(); n != 0 {
				t.Errorf("%d of %d requests of another user were served", n, times)
			}
			answers := answersOf(t, out)
			if how != "close" && len(answers) != times {
				t.Errorf("%d answers, want %d", len(answers), times)
			}
			for _, a := range answers {
				if a.Status != http.StatusForbidden {
					t.Fatalf("status %d: %s", a.Status, a.Body)
				}
			}
		})
	}
}

func TestAnotherUserOnTheSocket(t *testing.T) {
	program := sharedProgram(t)
	var served atomic.Int32
	srv, done := ended(configOf(newWorld(), nil), &served)
	folder := openFolder(t)
	l, err := net.Listen("unix", folder+"/r.sock")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	if err := os.Chmod(folder+"/r.sock", 0o777); err != nil { // as if somebody had opened it to all
		t.Fatal(err)
	}
	out, err := asOther(t, caller(t, program, "stay", "unix", folder+"/r.sock", 1)).Output()
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if a := answersOf(t, out); len(a) != 1 || a[0].Status != http.StatusForbidden || served.Load() != 0 {
		t.Errorf("answers %+v, served %d", a, served.Load())
	}
}

func TestOwnUserFromAnotherProcess(t *testing.T) {
	addr, sock := serve(t, configOf(newWorld(), nil), echo)
	for network, at := range map[string]string{"tcp": addr, "unix": sock} {
		cmd := caller(t, "/proc/self/exe", "stay", network, at, 1, IdentityHeader+"=claude-anna")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := answersOf(t, out)[0].told(t)
		if got.Caller.Identity != anna || got.Caller.Proof != iapeer.ProofUID || got.Caller.PID != cmd.Process.Pid || got.Caller.UID != os.Getuid() {
			t.Errorf("%s: %+v, want anna, uid, pid %d", network, got, cmd.Process.Pid)
		}
	}
}

func TestOwnerOfMappedAndSixAddresses(t *testing.T) {
	for _, tc := range []struct{ listen, dial string }{
		{"tcp4 127.0.0.1:0", "tcp4 127.0.0.1"}, {"tcp6 [::1]:0", "tcp6 [::1]"},
		{"tcp [::]:0", "tcp4 127.0.0.1"}, {"tcp [::]:0", "tcp6 [::1]"}, {"tcp4 127.0.0.1:0", "tcp [::ffff:127.0.0.1]"},
	} {
		var listenNet, listenAddr, dialNet, dialHost string
		split(tc.listen, &listenNet, &listenAddr)
		split(tc.dial, &dialNet, &dialHost)
		l, err := net.Listen(listenNet, listenAddr)
		if err != nil {
			t.Logf("SKIPPED %s: %v", tc.listen, err)
			continue
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out, err := net.Dial(dialNet, dialHost+":"+port)
		if err != nil {
			t.Fatal(err)
		}
		in, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		o, err := tcpOwner(in.(*net.TCPConn))
		if err != nil || o.uid != os.Getuid() || socketPID(o.inode) != os.Getpid() {
			t.Errorf("%v: %+v pid %d, %v", tc, o, socketPID(o.inode), err)
		}
		_ = out.Close()
		if o, err := tcpOwner(in.(*net.TCPConn)); err == nil {
			t.Errorf("%v closed: %+v, want an error", tc, o)
		}
		_, _ = in.Close(), l.Close()
	}
}

func split(s string, a, b *string) {
	for i := range s {
		if s[i] == ' ' {
			*a, *b = s[:i], s[i+1:]
			return
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tcpOwner(in.(*net.TCPConn)); err != nil {
			b.Fatal(err)
		}
	}
}
