package host

import "bytes"

// maxHeld is the longest incomplete sequence that is held back until its end
// comes. A longer one cannot be a query.
const maxHeld = 16

// A stripper takes capability queries out of what clients see: the host has
// answered them, and a second answer from a person's terminal would reach the
// program as keystrokes. A sequence cut by the end of a portion is held until
// it is complete.
type stripper struct{ held []byte }

// strip returns what clients may see of b. The result may share memory with b.
func (s *stripper) strip(b []byte) []byte {
	if len(s.held) > 0 {
		b = append(s.held, b...)
		s.held = nil
	}
	i := bytes.IndexByte(b, 0x1b)
	if i < 0 {
		return b
	}
	var out []byte // nil until something is taken out
	from := 0
	for i < len(b) {
		if b[i] != 0x1b {
			next := bytes.IndexByte(b[i:], 0x1b)
			if next < 0 {
				break
			}
			i += next
		}
		n, query := sequence(b[i:])
		switch {
		case n == 0 && len(b)-i <= maxHeld:
			s.held = bytes.Clone(b[i:])
			if out == nil {
				return b[:i]
			}
			return append(out, b[from:i]...)
		case n == 0:
			i++
		case query:
			if out == nil {
				out = make([]byte, 0, len(b))
			}
			out = append(out, b[from:i]...)
			i += n
			from = i
		default:
			i += n
		}
	}
	if out == nil {
		return b
	}
	return append(out, b[from:]...)
}

// sequence returns the length of the escape sequence at the front of b and
// whether it is a query; 0 when it is not complete.
func sequence(b []byte) (int, bool) {
	if len(b) < 2 {
		return 0, false
	}
	switch b[1] {
	case '[':
		return controlSequence(b)
	case ']':
		return stringSequence(b, operatingQuery)
	case 'P':
		return stringSequence(b, deviceQuery)
	case '_':
		return stringSequence(b, graphicsQuery)
	case 0x1b:
		return 1, false
	}
	return 2, false
}

// controlSequence reads CSI: parameters, intermediates, final.
func controlSequence(b []byte) (int, bool) {
	i := 2
	for i < len(b) && b[i] >= 0x30 && b[i] <= 0x3f {
		i++
	}
	params := b[2:i]
	mid := i
	for i < len(b) && b[i] >= 0x20 && b[i] <= 0x2f {
		i++
	}
	switch {
	case i == len(b):
		return 0, false
	case b[i] < 0x40 || b[i] > 0x7e:
		return i, false // broken off by a control character
	}
	return i + 1, controlQuery(params, b[mid:i], b[i])
}

// controlQuery knows DA1, DA2, DA3, DSR and its private forms, XTVERSION, the
// keyboard protocol's query, DECRQM, and reports of sizes.
func controlQuery(params, mid []byte, final byte) bool {
	switch {
	case final == 'c' && len(mid) == 0:
		return true
	case final == 'n' && len(mid) == 0:
		return len(params) == 0 || params[0] != '>'
	case final == 'q' && len(mid) == 0:
		return len(params) > 0 && params[0] == '>'
	case final == 'u':
		return len(params) > 0 && params[0] == '?'
	case final == 'p':
		return string(mid) == "$"
	case final == 't':
		return len(params) == 2 && (params[0] == '1' || params[0] == '2') && params[1] != '2' && params[1] != '3'
	}
	return false
}

// stringSequence reads a string up to BEL or ST and asks is about its content.
func stringSequence(b []byte, is func([]byte) bool) (int, bool) {
	for i := 2; i < len(b); i++ {
		switch b[i] {
		case 0x07:
			if b[1] == ']' {
				return i + 1, is(b[2:i])
			}
		case 0x18, 0x1a:
			return i + 1, false
		case 0x1b:
			if i+1 == len(b) {
				return 0, false
			}
			if b[i+1] != '\\' {
				return i, is(b[2:i])
			}
			return i + 2, is(b[2:i])
		}
	}
	return 0, false
}

// operatingQuery knows questions for colours and for OSC 7501.
func operatingQuery(s []byte) bool { return bytes.HasSuffix(s, []byte(";?")) }

// deviceQuery knows DECRQSS and XTGETTCAP.
func deviceQuery(s []byte) bool {
	return bytes.HasPrefix(s, []byte("$q")) || bytes.HasPrefix(s, []byte("+q"))
}

// graphicsQuery knows the question whether images are supported.
func graphicsQuery(s []byte) bool {
	return bytes.HasPrefix(s, []byte("G")) && bytes.Contains(s, []byte("a=q"))
}
