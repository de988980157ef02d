package iapeer

import "regexp"

// A Name is a peer's name, its "personality" on the wire: 1 to 32 of a-z, 0-9
// and hyphen, beginning with a letter.
type Name string

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// ParseName returns s as a Name, or [ErrBadName]. It never changes s; see
// [NormalizeName].
func ParseName(s string) (Name, error) {
	if !namePattern.MatchString(s) {
		return "", &ParseError{What: "name", Value: s, Err: ErrBadName}
	}
	return Name(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, so that flags, JSON and
// configuration refuse a bad name at the door.
func (n *Name) UnmarshalText(b []byte) error {
	v, err := ParseName(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}
