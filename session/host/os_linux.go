package host

import "golang.org/x/sys/unix"

// unreadRequest is the ioctl that counts the bytes waiting in a pipe.
const unreadRequest = unix.TIOCINQ
