package iapeer

import "strings"

// An Identity is a peer on one of its runtimes, written "<runtime>-<name>". It
// is the address of a message and the name of a session. A runtime has no
// hyphen, so the first hyphen separates the two.
type Identity struct {
	Runtime Runtime
	Name    Name
}

// ParseIdentity splits "<runtime>-<name>" at the first hyphen. It returns
// [ErrBadIdentity] when either half is not valid.
func ParseIdentity(s string) (Identity, error) {
	rt, name, ok := strings.Cut(s, "-")
	if !ok || !isWord(rt, false) || !isWord(name, true) {
		return Identity{}, &ParseError{What: "identity", Value: s, Err: ErrBadIdentity}
	}
	return Identity{Runtime: Runtime(rt), Name: Name(name)}, nil
}

// String returns "<runtime>-<name>", or "" for the zero Identity.
func (i Identity) String() string {
	if i == (Identity{}) {
		return ""
	}
	return string(i.Runtime) + "-" + string(i.Name)
}

// MarshalText implements encoding.TextMarshaler.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Empty text is the zero
// Identity.
func (i *Identity) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*i = Identity{}
		return nil
	}
	v, err := ParseIdentity(string(b))
	if err != nil {
		return err
	}
	*i = v
	return nil
}
