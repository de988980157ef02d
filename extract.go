package iapeer

import (
	"bytes"
	"slices"
	"strings"
)

// maxEnvelopeBytes bounds how long an Extractor waits for the end of one
// envelope: many times what the limits of a message allow.
const maxEnvelopeBytes = 1 << 20

// startTail is how much of a stream without an opening tag is kept, because a
// tag may begin in it.
const startTail = len(iapOpen)

// An Extractor finds envelopes in a stream of other text. What looks like an
// opening tag but is not complete and valid within 1024 bytes is prose; so is
// an envelope that another one's opening tag interrupts, that has no message,
// or that does not end within 1 MiB. The zero value is ready to use. An
// Extractor is not safe for concurrent use.
type Extractor struct {
	buf   []byte
	open  int  // length of the valid opening tag that buf begins with; 0: none yet
	at    int  // where the search for the closing tag goes on
	cdata bool // at is inside a CDATA section
}

// Write takes the next bytes of the stream. It never fails.
func (x *Extractor) Write(p []byte) (int, error) {
	x.buf = append(x.buf, p...)
	return len(p), nil
}

// Next returns the next complete envelope of what was written so far.
func (x *Extractor) Next() (Envelope, bool) {
	for {
		if x.open == 0 && !x.findOpen() {
			return Envelope{}, false
		}
		switch x.findEnd() {
		case scanMore:
			if len(x.buf) < maxEnvelopeBytes {
				return Envelope{}, false
			}
			x.drop(maxEnvelopeBytes)
		case scanNo: // interrupted
			x.drop(x.at)
		case scanYes:
			e, err := DecodeEnvelope(string(x.buf[:x.at]))
			if err != nil {
				x.drop(1)
				continue
			}
			x.drop(x.at)
			return e, true
		}
	}
}

// A scan is the outcome of looking for something in a stream.
type scan int

const (
	scanNo   scan = iota // it is not there
	scanYes              // it is there
	scanMore             // more bytes decide
)

func (x *Extractor) drop(n int) {
	x.buf = x.buf[n:]
	x.open, x.at, x.cdata = 0, 0, false
}

// findOpen makes buf begin with a valid opening tag, and reports whether it
// does.
func (x *Extractor) findOpen() bool {
	for {
		i := bytes.Index(x.buf, []byte(iapOpen))
		if i < 0 {
			x.drop(max(0, len(x.buf)-startTail))
			return false
		}
		x.drop(i)
		n, s := scanOpenTag(x.buf)
		switch s {
		case scanMore:
			return false
		case scanYes:
			x.open, x.at = n, n
			return true
		case scanNo:
			x.drop(1)
		}
	}
}

// scanOpenTag looks at b, which begins with "<iap ", and returns the length of
// its opening tag.
func scanOpenTag(b []byte) (int, scan) {
	window := b[:min(len(b), maxOpenTag)]
	end := bytes.IndexByte(window, '>')
	switch {
	case end >= 0:
		if _, err := decodeTag(string(b[len(iapOpen):end])); err != nil {
			return 0, scanNo
		}
		return end + 1, scanYes
	case len(window) < maxOpenTag:
		return 0, scanMore
	}
	return 0, scanNo
}

// findEnd moves at behind the closing tag that stands outside CDATA (scanYes),
// to another opening tag outside CDATA (scanNo), or to where the search must go
// on. It looks no further than an envelope may reach.
func (x *Extractor) findEnd() scan {
	window := x.buf[:min(len(x.buf), maxEnvelopeBytes)]
	for {
		if x.cdata && !x.leaveCDATA(window) {
			return scanMore
		}
		i := bytes.IndexByte(window[x.at:], '<')
		if i < 0 {
			x.at = len(window)
			return scanMore
		}
		x.at += i
		rest := window[x.at:]
		switch {
		case bytes.HasPrefix(rest, []byte(iapClose)):
			x.at += len(iapClose)
			return scanYes
		case bytes.HasPrefix(rest, []byte(cdataOpen)):
			x.at += len(cdataOpen)
			x.cdata = true
			continue
		case bytes.HasPrefix(rest, []byte(iapOpen)):
			switch _, s := scanOpenTag(rest); s {
			case scanYes:
				return scanNo
			case scanMore:
				return scanMore
			case scanNo:
			}
		case mayBecome(rest, iapClose, cdataOpen, iapOpen):
			return scanMore
		}
		x.at++
	}
}

// leaveCDATA moves at behind the end of the section it is in.
func (x *Extractor) leaveCDATA(window []byte) bool {
	i := bytes.Index(window[x.at:], []byte(cdataClose))
	if i < 0 {
		x.at = max(x.at, len(window)-len(cdataClose)+1)
		return false
	}
	x.at += i + len(cdataClose)
	x.cdata = false
	return true
}

// mayBecome reports whether b is a proper prefix of one of marks.
func mayBecome(b []byte, marks ...string) bool {
	return slices.ContainsFunc(marks, func(m string) bool { return strings.HasPrefix(m, string(b)) })
}

// EnvelopeIDs returns the ids of the complete envelopes in text, each once, in
// their order. It reads what agent programs record of a prompt: white space may
// have changed and several envelopes may follow each other. An id that is only
// quoted, in a body or in prose, is none.
func EnvelopeIDs(text string) []MessageID {
	var x Extractor
	var ids []MessageID
	_, _ = x.Write([]byte(text)) // an Extractor's Write never fails
	for {
		e, ok := x.Next()
		if !ok {
			return ids
		}
		if e.ID != "" && !slices.Contains(ids, e.ID) {
			ids = append(ids, e.ID)
		}
	}
}
