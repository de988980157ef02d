package host

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// openPTY opens a terminal of the given size, raw if the program is to read
// bytes. The master is in non-blocking mode: its reader costs no thread, and a
// write that the program does not take tells how far it came.
func openPTY(cols, rows int, raw bool) (master, tty *os.File, err error) {
	m, tty, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	fail := func(err error) (*os.File, *os.File, error) {
		_ = tty.Close()
		return nil, nil, err
	}
	// The library takes the descriptor out of the poller; a copy starts anew.
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	if err := setSize(master, cols, rows); err != nil {
		_ = master.Close()
		return fail(err)
	}
	if raw {
		if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
			_ = master.Close()
			return fail(err)
		}
	}
	return master, tty, nil
}

// setSize tells the program's terminal its size.
func setSize(master *os.File, cols, rows int) error {
	conn, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = conn.Control(func(fd uintptr) {
		serr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	})
	if err == nil {
		err = serr
	}
	return err
}
