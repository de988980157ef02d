package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A bench is one run of the program.
type bench struct {
	rounds   int
	slice    time.Duration
	npm      string
	bin      string
	before   string
	markdown bool
	profile  string
	only     *regexp.Regexp

	table table

	mu     sync.Mutex
	opened []interface{ close() }
}

// measurements are all there are, in the order of the table.
func (b *bench) measurements() []measurement {
	return []measurement{
		{"accepted", b.accepted},
		{"delivered", b.delivered},
		{"group", b.group},
		{"scale", b.scale},
		{"size", b.size},
		{"restart", b.restart},
		{"screen", b.screen},
		{"list", b.list},
		{"wake", b.wake},
	}
}

// A measurement adds rows to the table.
type measurement struct {
	name string
	run  func() error
}

// run makes the measurements that were asked for. What is not installed is
// skipped, and said so in the table.
func (b *bench) run(out io.Writer) error {
	for _, dir := range []*string{&b.npm, &b.bin, &b.before} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = abs
	}
	if _, err := os.Stat(filepath.Join(b.bin, "iapeerd")); err != nil {
		return fmt.Errorf("%w: build first, or name the folder with -bin", err)
	}
	var failed []error
	for _, m := range b.measurements() {
		if !b.only.MatchString(m.name) {
			continue
		}
		start := time.Now()
		err := m.run()
		b.close()
		fmt.Fprintf(os.Stderr, "%-10s %6.1f s\n", m.name, time.Since(start).Seconds())
		switch {
		case errors.Is(err, errAbsent):
			b.table.note("%s: SKIPPED in part: %v", m.name, err)
		case err != nil:
			b.table.note("%s: FAILED: %v", m.name, err)
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	b.table.print(out, b.markdown)
	return errors.Join(failed...)
}

// close ends everything that is open, the last first.
func (b *bench) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range slices.Backward(b.opened) {
		o.close()
	}
	b.opened = nil
}

// A contender is one side of a comparison: one round of it gives figures by
// name.
type contender struct {
	name  string
	round func(round int) (figures, error)
}

// figures are what one round measured.
type figures map[string]float64

// A series holds one figure of one contender, round by round.
type series map[string][]float64 // by contender and figure, as key makes it

func key(contender, figure string) string { return contender + "/" + figure }

// interleave lets every contender run in each round, beginning with another one
// each time. The first round warms up and is thrown away.
func (b *bench) interleave(rounds int, field ...contender) (series, error) {
	s := series{}
	for round := range rounds + 1 {
		for i := range field {
			c := field[(i+round)%len(field)]
			f, err := c.round(round)
			if err != nil {
				return s, fmt.Errorf("%s: %w", c.name, err)
			}
			if round == 0 {
				continue
			}
			var line strings.Builder
			for _, name := range sortedKeys(f) {
				s[key(c.name, name)] = append(s[key(c.name, name)], f[name])
				fmt.Fprintf(&line, "  %s %.1f", name, f[name])
			}
			fmt.Fprintf(os.Stderr, "  round %d %-14s%s\n", round, c.name, line.String())
		}
	}
	return s, nil
}
