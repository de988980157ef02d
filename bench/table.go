package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/iapeer/iapeer/bench/load"
)

// A row is one line of the table.
type row struct {
	what      string
	ours      string
	theirs    string
	ratio     float64
	low, high float64 // 95 % interval of the ratio; both 0: none
	must, aim float64 // 0: none
	more      bool    // more is better
	plain     bool    // ratio is a figure of its own, not a ratio
	steady    bool    // the ratio must be 1, within the tolerance
	cpu       string  // processor time of both sides
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// ratio fills in the median of the rounds' ratios and its interval.
func (r row) of(ours, theirs []float64) row {
	list := load.Ratios(ours, theirs)
	r.ratio = load.Median(list)
	r.low, r.high = load.Interval(list)
	return r
}

// verdict says what the row reached.
func (r row) verdict() string {
	reached := func(limit float64) bool { return r.more && r.ratio >= limit || !r.more && r.ratio <= limit }
	switch {
	case r.steady && r.low >= 1-tolerance && r.high <= 1+tolerance:
		return "must"
	case r.steady && r.low <= 1+tolerance && r.high >= 1-tolerance:
		return "open: the interval is wider than the tolerance"
	case r.steady:
		return "BELOW"
	case r.must == 0:
		return ""
	case r.aim != 0 && reached(r.aim):
		return "aim"
	case reached(r.must):
		return "must"
	}
	return "BELOW"
}

func (r row) target() string {
	if r.steady {
		return "1 ± 0.1"
	}
	if r.must == 0 {
		return ""
	}
	sign := "≤"
	if r.more {
		sign = "≥"
	}
	if r.aim == 0 || r.aim == r.must {
		return fmt.Sprintf("%s %g", sign, r.must)
	}
	return fmt.Sprintf("%s %g → %g", sign, r.must, r.aim)
}

func (r row) measured() string {
	form := "%.2f×"
	if r.plain {
		form = "%.4g"
	}
	text := fmt.Sprintf(form, r.ratio)
	if r.high > 0 && r.low > 0 {
		text += fmt.Sprintf(" [%.2f–%.2f]", r.low, r.high)
	}
	return text
}

// A table is what a run prints.
type table struct {
	rows  []row
	notes []string
	void  []string
}

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) print(w io.Writer, markdown bool) {
	for _, v := range t.void {
		t.notes = append(t.notes, "VOID: "+v)
	}
	head := []string{"what", "iapeer", "beside", "measured [95 %]", "must → aim", "reached", "processor time"}
	if markdown {
		fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
		for _, r := range t.rows {
			fmt.Fprintf(w, "| %s |\n", strings.Join(r.cells(), " | "))
		}
		for _, n := range t.notes {
			fmt.Fprintf(w, "\n- %s\n", n)
		}
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(r.cells(), "\t"))
	}
	_ = tw.Flush()
	for _, n := range t.notes {
		fmt.Fprintln(w, n)
	}
}

func (r row) cells() []string {
	return []string{r.what, r.ours, r.theirs, r.measured(), r.target(), r.verdict(), r.cpu}
}
