package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// A loader fills one Config.
type loader struct {
	paths  iapeer.Paths
	getenv func(string) string
	file   document
	flags  []Flag
	config *Config
}

// A candidate is a value for a setting, and where it stands.
type candidate struct {
	value string
	from  Source
	where string
}

// load takes the strongest value that can be used.
func (l *loader) load(s setting) {
	for _, c := range l.candidates(s) {
		err := s.set(l.config, l.expand(s, c.value))
		if err == nil {
			l.keep(s, c)
			return
		}
		l.warn("%s: %s %s is not used: %v", c.where, s.key, l.shown(s, c.value), err)
	}
	l.keep(s, l.byDefault(s))
}

// byDefault sets the default and returns it. One that cannot be made is the
// zero value.
func (l *loader) byDefault(s setting) candidate {
	c := candidate{value: s.initial, from: FromDefault}
	if s.make != nil {
		c.value = s.make(surroundings{l.paths, l.getenv})
	}
	if c.value == "" {
		return c
	}
	if err := s.set(l.config, l.expand(s, c.value)); err != nil {
		l.warn("%s: the default %s is not used: %v", s.key, l.shown(s, c.value), err)
	}
	return c
}

// candidates are the values given for s, strongest first.
func (l *loader) candidates(s setting) []candidate {
	var found []candidate
	for _, f := range l.flags {
		if f.Key == s.key {
			found = append(found, candidate{f.Value, FromFlag, "--" + strings.ReplaceAll(s.key, "_", "-")})
		}
	}
	if v := l.getenv(s.env); v != "" {
		found = append(found, candidate{v, FromEnv, s.env})
	}
	if e, ok := l.file.entry(s.key); ok && e.value != "" {
		found = append(found, candidate{e.value, FromFile, l.file.where(e)})
	}
	return found
}

func (l *loader) keep(s setting, c candidate) {
	o := Origin{Key: s.key, Value: l.expand(s, c.value), From: c.from, Where: c.where, Doc: s.doc}
	if s.secret && o.Value != "" {
		o.Value = hidden
	}
	i, _ := slices.BinarySearchFunc(l.config.origins, o, func(a, b Origin) int { return strings.Compare(a.Key, b.Key) })
	l.config.origins = slices.Insert(l.config.origins, i, o)
}

// hidden stands for a secret.
const hidden = "(hidden)"

func (l *loader) shown(s setting, value string) string {
	if s.secret {
		return hidden
	}
	return fmt.Sprintf("%q", value)
}

// expand puts the home folder in place of "~/".
func (l *loader) expand(s setting, value string) string {
	if rest, ok := strings.CutPrefix(value, "~/"); ok && s.path && l.paths.Home != "" {
		return filepath.Join(l.paths.Home, rest)
	}
	return value
}

func (l *loader) warn(format string, args ...any) {
	l.config.warnings = append(l.config.warnings, fmt.Sprintf(format, args...))
}

// reportUnknown warns of what in the file is no setting, and of flags that are
// none.
func (l *loader) reportUnknown() {
	for _, e := range l.file.entries {
		if _, known := find(e.key); !known {
			l.warn("%s: unknown key %q; `iapeer config show` lists the known ones", l.file.where(e), e.key)
		}
	}
	for _, f := range l.flags {
		if _, known := find(f.Key); !known {
			l.warn("unknown setting %q; `iapeer config show` lists the known ones", f.Key)
		}
	}
}
