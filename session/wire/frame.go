// Package wire is the protocol between a session host and its clients: frames
// on a unix socket, and the JSON bodies of those that are not plain terminal
// bytes.
//
// A frame is one byte of type, four bytes of length (big endian), and the
// payload. [Data] and [Resize] are those of older programs: a client that sends
// nothing else is a terminal that wants to be attached. Types from [Hello] on
// belong to the numbered protocol: the client names the protocols it speaks
// first, the host answers with the one both use.
//
// A request starts with a number chosen by the client, four bytes big endian;
// the [Reply] to it starts with the same number. Events carry none.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Type says what a frame's payload is.
type Type uint8

// The frame types.
const (
	Data   Type = 0 // terminal bytes, both ways
	Resize Type = 1 // columns and rows, two bytes each, big endian; client to host

	Hello  Type = 16 // [Greeting] from the client, [Facts] from the host
	Offer  Type = 17 // request: length of [OfferHeader] (two bytes), header, bytes of the message
	Keys   Type = 18 // request: [KeysRequest]
	Screen Type = 19 // request: empty; answered by [ScreenState]
	Stop   Type = 20 // request: [StopRequest]
	Ask    Type = 21 // request: [AskRequest]; answered by [AskReply]
	Hook   Type = 22 // request: a hook's payload as it is
	Replay Type = 23 // request: empty; answered by [ReplayReply]
	Ack    Type = 24 // request: [AckRequest]
	Result Type = 25 // request: [OutcomeRequest]; answered by [Outcome]
	Enter  Type = 26 // request: [EnterRequest]
	Reply  Type = 32 // host to client: number, then [Status] and the answer's body
	Event  Type = 33 // host to client: [EventBody]
)

// Protocol is the newest protocol this build speaks, and MinProtocol the
// oldest.
const (
	Protocol    = 1
	MinProtocol = 1
)

// MaxPayload bounds one frame; a longer one ends the connection.
const MaxPayload = 16 << 20

const headerLen = 5

// ErrTooLong refuses a frame beyond [MaxPayload].
var ErrTooLong = errors.New("frame too long")

// Append adds a frame to b.
func Append(b []byte, t Type, payload ...[]byte) []byte {
	n := 0
	for _, p := range payload {
		n += len(p)
	}
	b = append(b, byte(t))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}

// Read reads one frame. The payload is the caller's to keep. The error is
// io.EOF between frames, io.ErrUnexpectedEOF inside one.
func Read(r io.Reader) (Type, []byte, error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > MaxPayload {
		return 0, nil, fmt.Errorf("frame of type %d with %d bytes: %w", head[0], n, ErrTooLong)
	}
	if n == 0 {
		return Type(head[0]), nil, nil
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, noEOF(err)
	}
	return Type(head[0]), payload, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Size returns the payload of a [Resize] frame.
func Size(cols, rows int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(cols))
	return binary.BigEndian.AppendUint16(b, uint16(rows))
}

// Sizes of a terminal that does not say: the classic ones.
const (
	defaultCols = 80
	defaultRows = 24
)

// ParseSize reads the payload of a [Resize] frame. A zero means the classic
// 80 by 24; a short payload is refused.
func ParseSize(b []byte) (cols, rows int, ok bool) {
	if len(b) < 4 {
		return 0, 0, false
	}
	cols, rows = int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
	if cols == 0 {
		cols = defaultCols
	}
	if rows == 0 {
		rows = defaultRows
	}
	return cols, rows, true
}

// Number returns a request's number as the front of a payload.
func Number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// CutNumber splits a payload into the request's number and its body.
func CutNumber(b []byte) (uint32, []byte, bool) {
	if len(b) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b), b[4:], true
}

// OfferPayload joins the parts of an [Offer] behind its number.
func OfferPayload(header, bytes []byte) []byte {
	b := make([]byte, 0, 2+len(header)+len(bytes))
	b = binary.BigEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), bytes...)
}

// CutOffer is the inverse of [OfferPayload].
func CutOffer(b []byte) (header, bytes []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}
