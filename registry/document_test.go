package registry

import (
	"encoding/json"
	"testing"
)

func TestDocumentEdits(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		key      string
		value    any // nil removes
		want     string
	}{
		{"append", "{\n  \"a\": 1\n}\n", "b", "x", "{\n  \"a\": 1,\n  \"b\": \"x\"\n}\n"},
		{"append to tabs", "{\n\t\"a\": 1\n}", "b", []string{"x"}, "{\n\t\"a\": 1,\n\t\"b\": [\n\t\t\"x\"\n\t]\n}"},
		{"append to one line", `{"a":1}`, "b", []string{"x", "y"}, `{"a":1,"b":["x","y"]}`},
		{"first member", "{}\n", "a", "x", "{\n  \"a\": \"x\"\n}\n"},
		{"first member of a spaced object", "{ }", "a", "x", "{\n  \"a\": \"x\"\n}"},
		{"replace", `{ "a" : 1 , "b" : [ 1,2 ] }`, "a", "x", `{ "a" : "x" , "b" : [ 1,2 ] }`},
		{"same value keeps its bytes", `{"a": [ "x","y" ]}`, "a", []string{"x", "y"}, `{"a": [ "x","y" ]}`},
		{"same object in another order", `{"a": {"x":1, "y":2}}`, "a", map[string]int{"y": 2, "x": 1}, `{"a": {"x":1, "y":2}}`},
		{"no escapes for HTML", `{"a":1}`, "a", "<&>", `{"a":"<&>"}`},
		{"last of repeated keys counts", `{"a":1,"a":2}`, "a", 3, `{"a":1,"a":3}`},
		{"remove first", `{"a":1, "b":2}`, "a", nil, `{"b":2}`},
		{"remove middle", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}", "b", nil, "{\n  \"a\": 1,\n  \"c\": 3\n}"},
		{"remove last", "{\n  \"a\": 1,\n  \"b\": 2\n}", "b", nil, "{\n  \"a\": 1\n}"},
		{"remove only", `{"a":1}`, "a", nil, `{}`},
		{"remove repeated", `{"a":1,"b":2,"a":3}`, "a", nil, `{"b":2}`},
		{"remove absent", `{"b":2}`, "a", nil, `{"b":2}`},
		{"key with escapes", `{"\u0061":1,"\"}":2}`, "a", 3, `{"\u0061":3,"\"}":2}`},
		{"nested look-alikes", `{"x":{"a":"}"},"y":["{",{"a":[]}],"a":-1.5e3}`, "a", true, `{"x":{"a":"}"},"y":["{",{"a":[]}],"a":true}`},
	} {
		d, err := parseDocument([]byte(tc.in))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if tc.value == nil {
			err = d.remove(tc.key)
		} else {
			err = d.set(tc.key, tc.value)
		}
		if got := string(d.src); err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	for _, in := range []string{"", "[]", "null", `"x"`, "1", "{", `{"a":1,}`, `{"a":1} x`, "\xef\xbb\xbf{}"} {
		if _, err := parseDocument([]byte(in)); err == nil {
			t.Errorf("parseDocument(%q) did not fail", in)
		}
	}
}

// FuzzDocument holds what editing in place promises: other members keep their
// bytes, adding and removing a key leaves no trace, the result is JSON.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		`{}`, "{\n  \"a\": 1,\n  \"b\": {\"c\": [1, \"}\"]}\n}\n", `{"a":1,"a":2}`, `{ "x" : "\\\"" , "y":[[],{}]}`, "{\n}\n", `[]`, `{"":0}`,
	} {
		f.Add([]byte(s), "value")
	}
	f.Fuzz(func(t *testing.T, src []byte, value string) {
		const key = "our own key"
		d, err := parseDocument(src)
		if err != nil || d.get(key) != nil {
			return
		}
		before := map[string]string{}
		for _, m := range d.members {
			before[m.key] = string(d.get(m.key))
		}
		was, empty := string(d.src), len(d.members) == 0
		if err := d.set(key, value); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(d.src) {
			t.Fatalf("not JSON: %q", d.src)
		}
		for k, v := range before {
			if got := string(d.get(k)); got != v {
				t.Errorf("member %q was %q, is %q", k, v, got)
			}
		}
		if err := d.set(key, value); err != nil {
			t.Fatal(err)
		}
		if err := d.remove(key); err != nil {
			t.Fatal(err)
		}
		if got := string(d.src); got != was && !empty {
			t.Errorf("after set and remove %q, before %q", got, was)
		}
	})
}
