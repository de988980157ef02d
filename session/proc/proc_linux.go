package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Token returns what tells pid from an earlier or later process with the same
// id: the boot and the clock tick of its start.
func Token(pid int) (string, error) {
	e, err := read(pid)
	if err != nil {
		return "", err
	}
	return e.Token, nil
}

// bootTag shortens the boot id: ticks begin anew with each boot.
func bootTag() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(b) < 8 {
		return "0"
	}
	return string(b[:8])
}

func list() ([]Entry, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	boot := bootTag()
	var all []Entry
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if e, err := readWith(pid, boot); err == nil {
			all = append(all, e)
		}
	}
	return all, nil
}

func read(pid int) (Entry, error) { return readWith(pid, bootTag()) }

// Fields of /proc/<pid>/stat behind the command name, proc(5).
const (
	statState = 0
	statPPID  = 1
	statPGRP  = 2
	statSID   = 3
	statStart = 19
)

func readWith(pid int, boot string) (Entry, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Entry{}, err
	}
	// The name may hold spaces and parentheses; the last one ends it.
	i := bytes.LastIndexByte(b, ')')
	f := strings.Fields(string(b[i+1:]))
	if i < 0 || len(f) <= statStart {
		return Entry{}, fmt.Errorf("stat of process %d: %d fields", pid, len(f))
	}
	num := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	return Entry{
		PID: pid, PPID: num(statPPID), PGID: num(statPGRP), SID: num(statSID),
		Token: boot + "." + f[statStart], Zombie: f[statState] == "Z" || f[statState] == "X",
	}, nil
}

// hasEnv reports whether the process started with entry in its environment.
// Processes of other users cannot be read and are never ours.
func hasEnv(pid int, entry string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	return bytes.HasPrefix(b, []byte(entry+"\x00")) || bytes.Contains(b, []byte("\x00"+entry+"\x00"))
}

// signal sends sig to each process that still is the one found.
func signal(found []Entry, sig syscall.Signal) {
	for _, e := range found {
		fd, err := unix.PidfdOpen(e.PID, 0)
		if err != nil {
			continue
		}
		if Alive(e.PID, e.Token) {
			_ = unix.PidfdSendSignal(fd, sig, nil, 0)
		}
		_ = unix.Close(fd)
	}
}

// waitGone waits until all processes ended, at most d.
func waitGone(found []Entry, d time.Duration) {
	deadline := time.Now().Add(d)
	for _, e := range found {
		fd, err := unix.PidfdOpen(e.PID, 0)
		if err != nil {
			continue
		}
		if Alive(e.PID, e.Token) {
			waitPidfd(fd, deadline)
		}
		_ = unix.Close(fd)
	}
}

func waitPidfd(fd int, deadline time.Time) {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(p, int(left.Milliseconds())+1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// Unread returns how many bytes wait in the pipe fd.
func Unread(fd int) (int, error) { return unix.IoctlGetInt(fd, unix.TIOCINQ) }

// DropText lets go of this process's own code and constants. They are read
// back from the program's file, page by page, when they are next used: what
// only the start needed no longer counts.
func DropText() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	var drop [][2]uintptr // collected first: what runs between two drops comes back
	for line := range strings.Lines(string(maps)) {
		// address range, permissions, offset, device, inode, path: proc(5)
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != exe || (f[1] != "r-xp" && f[1] != "r--p") {
			continue
		}
		a, b, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(a, 16, 64)
		to, err2 := strconv.ParseUint(b, 16, 64)
		if err1 == nil && err2 == nil {
			drop = append(drop, [2]uintptr{uintptr(from), uintptr(to - from)})
		}
	}
	for _, d := range drop {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, d[0], d[1], unix.MADV_DONTNEED)
	}
}
