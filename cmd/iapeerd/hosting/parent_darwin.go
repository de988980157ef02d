package hosting

import "golang.org/x/sys/unix"

// parent returns the parent of a process, 0 when it cannot be told.
func parent(pid int) int {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return int(k.Eproc.Ppid)
}

// zombieState is SZOMB of sys/proc.h.
const zombieState = 5

// zombie reports whether a process has ended and waits for its parent to
// notice.
func zombie(pid int) bool {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err == nil && k.Proc.P_stat == zombieState
}
