package gate

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerCredentials returns who connected to the unix socket; see unix(4),
// LOCAL_PEERCRED and LOCAL_PEERPID.
func peerCredentials(c *net.UnixConn) (uid, pid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, 0, err
	}
	var cred *unix.Xucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if credErr == nil {
			pid, credErr = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	}); err != nil {
		return -1, 0, err
	}
	if credErr != nil {
		return -1, 0, credErr
	}
	return int(cred.Uid), pid, nil
}

// readProcess asks the kernel for one row of the process table; see sysctl(3),
// KERN_PROC_PID.
func readProcess(pid int) (process, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return process{}, err
	}
	p := process{parent: int(k.Eproc.Ppid), group: int(k.Eproc.Pgid), terminal: k.Eproc.Tdev != -1}
	p.foreground = p.terminal && k.Eproc.Tpgid == k.Eproc.Pgid
	if sid, err := unix.Getsid(pid); err == nil {
		p.session = sid
	}
	return p, nil
}

// environment is not read on this system: the walk by parents and terminal
// session decides alone.
func environment(int) []string { return nil }

// workingFolder is not read on this system: folders are not compared.
func workingFolder(int) string { return "" }
