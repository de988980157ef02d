package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// into returns a setter that parses a value and keeps it in one field.
func into[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, s string) error {
		v, err := parse(s)
		if err == nil {
			*field(c) = v
		}
		return err
	}
}

// digits reads a whole number without sign, space or separator.
func digits(s string) (int64, error) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, errors.New("not a whole number")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("not a whole number that can be used")
	}
	return n, nil
}

func parsePort(s string) (int, error) {
	n, err := digits(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, errors.New("a port is 1 to 65535")
	}
	return int(n), nil
}

func parseCount(least int64) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := digits(strings.TrimSpace(s))
		if err != nil || n < least || n > maxCount {
			return 0, fmt.Errorf("want a whole number from %d to %d", least, maxCount)
		}
		return int(n), nil
	}
}

// parseSpan reads a number of units, above 0 and at most limit; it may have a
// fraction.
func parseSpan(unit time.Duration, limit float64) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		d := time.Duration(n * float64(unit))
		if err != nil || !(n > 0 && n <= limit) || d <= 0 {
			return 0, fmt.Errorf("want a number above 0, at most %.0f", limit)
		}
		return d, nil
	}
}

// orZero also reads 0, which means not at all.
func orZero(parse func(string) (time.Duration, error)) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		if n, err := digits(strings.TrimSpace(s)); err == nil && n == 0 {
			return 0, nil
		}
		return parse(s)
	}
}

// sizeUnits are the suffixes of a size, "B" alone included.
var sizeUnits = map[string]int64{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

// parseSize reads bytes, or K, M, G and T, also spelled KB and KiB. A smaller
// size than least is raised to it.
func parseSize(least int64) func(string) (int64, error) {
	return func(s string) (int64, error) {
		number := strings.TrimRight(s, "bBiIkKmMgGtT \t")
		suffix := strings.ToLower(strings.TrimSpace(s[len(number):]))
		unit, known := sizeUnits[suffix]
		if !known {
			unit, known = sizeUnits[strings.TrimSuffix(strings.TrimSuffix(suffix, "b"), "i")]
		}
		n, err := digits(strings.TrimSpace(number))
		if err != nil || !known || n < 1 || n > maxSize/unit {
			return 0, errors.New(`want bytes above 0, or a number with K, M or G, like "512M"`)
		}
		return max(n*unit, least), nil
	}
}

func parseAnswer(s string) (Answer, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "true", "yes":
		return Yes, nil
	case "0", "false", "no":
		return No, nil
	}
	return "", errors.New("want yes or no")
}

func parseAbsolute(s string) (string, error) {
	if s = strings.TrimSpace(s); !filepath.IsAbs(s) {
		return "", errors.New("want an absolute path")
	}
	return filepath.Clean(s), nil
}

func parseProgram(s string) (string, error) {
	s = strings.TrimSpace(s)
	if !filepath.IsAbs(s) && (s == "" || strings.Contains(s, "/")) {
		return "", errors.New("want an absolute path, or a name to be found on PATH")
	}
	return s, nil
}

// parseToken refuses what no header can carry.
func parseToken(s string) (string, error) {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("a token is printable ASCII without spaces")
	}
	return s, nil
}

func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if s = strings.ToLower(strings.TrimSpace(s)); !slices.Contains(words, s) {
			return "", fmt.Errorf("want one of %s", strings.Join(words, ", "))
		}
		return s, nil
	}
}

// parseControlKey reads "ctrl-x" or "^x". Keys that a terminal also sends for
// Tab, Enter and Escape cannot be told from those.
func parseControlKey(s string) (byte, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	key, ok := strings.CutPrefix(s, "ctrl-")
	if !ok {
		key, ok = strings.CutPrefix(s, "^")
	}
	if !ok || len(key) != 1 || !strings.Contains("abcdefghklnopqrstuvwxyz]\\^_", key) {
		return 0, errors.New(`want "ctrl-" and a letter but i, j, m, or one of ]\^_`)
	}
	return strings.ToUpper(key)[0] & 0x1f, nil
}
