package gate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// readProcess reads /proc/<pid>/stat; see proc_pid_stat(5).
func readProcess(pid int) (process, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	return parseStat(b)
}

var errBadStat = errors.New("not a line of /proc/<pid>/stat")

// parseStat reads the fields behind the program's name, which may itself hold
// spaces and parentheses: state, parent, group, session, terminal, foreground
// group.
func parseStat(b []byte) (process, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return process{}, errBadStat
	}
	fields := bytes.Fields(b[i+1:])
	if len(fields) < 6 {
		return process{}, errBadStat
	}
	var n [5]int
	for i := range n {
		v, err := strconv.Atoi(string(fields[i+1]))
		if err != nil {
			return process{}, errBadStat
		}
		n[i] = v
	}
	return process{parent: n[0], group: n[1], session: n[2], terminal: n[3] != 0, foreground: n[1] == n[4]}, nil
}

// environment returns what the process was started with; nil when it may not
// be read.
func environment(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\x00")
}

// workingFolder returns the folder that the process works in; "" when it may not
// be read.
func workingFolder(pid int) string {
	dir, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return ""
	}
	return dir
}

// socketPID returns a process that holds the socket open, 0 when none that we
// may see does. It looks at every descriptor of every process, which takes
// milliseconds: it is asked only for an identity claimed over TCP without a
// token, once a connection.
func socketPID(inode uint32) int {
	want := fmt.Appendf(nil, "socket:[%d]", inode)
	d, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && holds("/proc/"+name+"/fd", want) {
			return pid
		}
	}
	return 0
}

func holds(folder string, want []byte) bool {
	d, err := os.Open(folder)
	if err != nil {
		return false // another user's, or gone
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var link [64]byte
	for _, name := range names {
		if n, err := unix.Readlinkat(int(d.Fd()), name, link[:]); err == nil && bytes.Equal(link[:n], want) {
			return true
		}
	}
	return false
}
