package eventlog

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// stampLayout is ISO 8601 with milliseconds, in UTC.
const stampLayout = "2006-01-02T15:04:05.000Z"

// appendLine appends one event as a line: the time, the event's name, its
// fields in their order.
func appendLine(b []byte, at time.Time, name string, fields []iapeer.Field) []byte {
	b = append(b, "ts="...)
	b = at.UTC().AppendFormat(b, stampLayout)
	b = appendPair(b, "ev", name)
	for _, f := range fields {
		b = appendField(b, f)
	}
	return append(b, '\n')
}

// appendField appends a field unless it says nothing: events have the zero
// value where something is not known. A time is written twice, as milliseconds
// and for people.
func appendField(b []byte, f iapeer.Field) []byte {
	switch v := f.Value.(type) {
	case nil:
		return b
	case string:
		if v == "" {
			return b
		}
		return appendPair(b, f.Key, v)
	case int:
		return appendPair(b, f.Key, strconv.Itoa(v))
	case int64:
		return appendPair(b, f.Key, strconv.FormatInt(v, 10))
	case bool:
		return appendPair(b, f.Key, strconv.FormatBool(v))
	case time.Duration:
		return appendPair(b, f.Key, strconv.FormatInt(v.Milliseconds(), 10))
	case time.Time:
		if v.IsZero() {
			return b
		}
		b = appendPair(b, f.Key, strconv.FormatInt(v.UnixMilli(), 10))
		return appendPair(b, f.Key+"_iso", v.UTC().Format(stampLayout))
	default:
		return appendPair(b, f.Key, fmt.Sprint(v))
	}
}

// valueEscapes keep a quoted value on its line and inside its quotes.
var valueEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`)

// appendPair appends key=value. A value is quoted when it is empty or could end
// early.
func appendPair(b []byte, key, value string) []byte {
	b = append(b, ' ')
	b = append(b, key...)
	b = append(b, '=')
	if value != "" && !strings.ContainsAny(value, "\"= \t\n\r\v\f\u0085\u00a0\u2028\u2029") {
		return append(b, value...)
	}
	b = append(b, '"')
	b = append(b, valueEscapes.Replace(value)...)
	return append(b, '"')
}
