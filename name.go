package iapeer

// A Name is a peer's name, its "personality" on the wire: 1 to 32 of a-z, 0-9
// and hyphen, beginning with a letter.
type Name string

// maxNameLen is the longest name in bytes; a name is ASCII.
const maxNameLen = 32

// ParseName returns s as a Name, or [ErrBadName]. It never changes s; package
// spelling makes names of what people write.
func ParseName(s string) (Name, error) {
	if !isWord(s, true) {
		return "", &ParseError{What: "name", Value: s, Err: ErrBadName}
	}
	return Name(s), nil
}

// isWord reports whether s is 1 to 32 of a-z, 0-9 and, where hyphens are
// allowed, hyphens, beginning with a letter. It is no regular expression
// because every start of the thin client would pay for compiling it.
func isWord(s string, hyphens bool) bool {
	return s != "" && len(s) <= maxNameLen && 'a' <= s[0] && s[0] <= 'z' && isSmall(s, hyphens)
}

// isSmall reports whether s holds nothing but a-z, 0-9 and, where they are
// allowed, hyphens.
func isSmall(s string, hyphens bool) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || !hyphens) {
			return false
		}
	}
	return true
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
