package admission

import (
	"os"
	"strconv"
	"strings"
)

// Stalled reads the part of the last ten seconds in which some task stalled for
// lack of memory, 0 to 1 (kernel: Documentation/accounting/psi.rst). ok is false
// where the kernel does not tell.
func Stalled() (share float64, ok bool) {
	b, err := os.ReadFile("/proc/pressure/memory")
	if err != nil {
		return 0, false
	}
	return parsePressure(string(b))
}

// parsePressure reads avg10 of the line that begins with "some".
func parsePressure(text string) (share float64, ok bool) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "some ")
		if !ok {
			continue
		}
		for field := range strings.FieldsSeq(rest) {
			if v, ok := strings.CutPrefix(field, "avg10="); ok {
				percent, err := strconv.ParseFloat(v, 64)
				return percent / 100, err == nil && percent >= 0 && percent <= 100
			}
		}
	}
	return 0, false
}
