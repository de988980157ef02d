package hosting

import (
	"os"
	"strconv"
	"strings"
)

// parent returns the parent of a process, 0 when it cannot be told.
func parent(pid int) int {
	_, n := stat(pid)
	return n
}

// zombie reports whether a process has ended and waits for its parent to
// notice.
func zombie(pid int) bool {
	state, _ := stat(pid)
	return state == "Z"
}

// stat reads state and parent of a process. See proc_pid_stat(5): the name in
// parentheses may itself hold parentheses.
func stat(pid int) (state string, parent int) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}
