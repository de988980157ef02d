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
