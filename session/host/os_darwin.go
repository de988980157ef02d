package host

// unreadRequest is FIONREAD of sys/filio.h: the bytes waiting in a pipe.
const unreadRequest = 0x4004667f
