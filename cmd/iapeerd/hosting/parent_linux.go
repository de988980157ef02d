package hosting

import (
	"os"
	"strconv"
	"strings"
)

// parent returns the parent of a process, 0 when it cannot be told. See
// proc_pid_stat(5): the name in parentheses may itself hold parentheses.
func parent(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}
