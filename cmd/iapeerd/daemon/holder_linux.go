package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// listening is the state LISTEN in /proc/net/tcp, proc(5).
const listening = "0A"

// holder names the program that listens on a loopback port, as far as this user
// may know.
func holder(port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			// sl local_address rem_address st … uid timeout inode
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				return program("socket:[" + f[9] + "]")
			}
		}
	}
	return "another program"
}

// program names the process that has a socket open.
func program(socket string) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err != nil || link != socket {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), filepath.Base(dir))
	}
	return "a program of another user"
}
