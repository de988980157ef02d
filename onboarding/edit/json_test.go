package edit

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// entry stands for what is set: an object with a nested one.
var entry = struct {
	Type    string            `json:"type"`
	Headers map[string]string `json:"headers"`
}{"http", map[string]string{"X": "claude-ada"}}

func TestSet(t *testing.T) {
	for _, tc := range []struct{ name, before, after string }{
		{"no file", "", "{\n  \"m\": {\n    \"iapeer\": {\n      \"type\": \"http\",\n      \"headers\": {\n        \"X\": \"claude-ada\"\n      }\n    }\n  }\n}\n"},
		{"blank file", " \n", "{\n  \"m\": {\n    \"iapeer\": {\n      \"type\": \"http\",\n      \"headers\": {\n        \"X\": \"claude-ada\"\n      }\n    }\n  }\n}\n"},
		{"others stay, order stays", "{\n  \"m\": {\n    \"b\": {\"url\": \"x\"},\n    \"a\": 1\n  },\n  \"z\": [1,  2]\n}\n",
			"{\n  \"m\": {\n    \"b\": {\"url\": \"x\"},\n    \"a\": 1,\n    \"iapeer\": {\n      \"type\": \"http\",\n      \"headers\": {\n        \"X\": \"claude-ada\"\n      }\n    }\n  },\n  \"z\": [1,  2]\n}\n"},
		{"tabs", "{\n\t\"m\": {}\n}",
			"{\n\t\"m\": {\n\t\t\"iapeer\": {\n\t\t\t\"type\": \"http\",\n\t\t\t\"headers\": {\n\t\t\t\t\"X\": \"claude-ada\"\n\t\t\t}\n\t\t}\n\t}\n}"},
		{"four spaces, CRLF", "{\r\n    \"m\": {\r\n        \"a\": 1\r\n    }\r\n}\r\n",
			"{\r\n    \"m\": {\r\n        \"a\": 1,\r\n        \"iapeer\": {\r\n            \"type\": \"http\",\r\n            \"headers\": {\r\n                \"X\": \"claude-ada\"\r\n            }\r\n        }\r\n    }\r\n}\r\n"},
		{"on one line", `{"m":{"a":1}}`, `{"m":{"a":1,"iapeer":{"type":"http","headers":{"X":"claude-ada"}}}}`},
		{"on one line with spaces", `{ "m": { "a": 1 } }`, `{ "m": { "a": 1, "iapeer": {"type":"http","headers":{"X":"claude-ada"}} } }`},
		{"on one line, empty", `{"m":{}}`, `{"m":{"iapeer":{"type":"http","headers":{"X":"claude-ada"}}}}`},
		{"same value, spelled otherwise", `{"m":{"iapeer":{"headers":{"X": "claude-ada"}, "type":"http"}}}`, `{"m":{"iapeer":{"headers":{"X": "claude-ada"}, "type":"http"}}}`},
		{"another value", "{\n  \"m\": {\n    \"iapeer\": {\n      \"type\": \"stdio\"\n    },\n    \"a\": 1\n  }\n}",
			"{\n  \"m\": {\n    \"iapeer\": {\n      \"type\": \"http\",\n      \"headers\": {\n        \"X\": \"claude-ada\"\n      }\n    },\n    \"a\": 1\n  }\n}"},
		{"another value on one line", `{"m":{"iapeer":0,"a":1}}`, `{"m":{"iapeer":{"type":"http","headers":{"X":"claude-ada"}},"a":1}}`},
		{"byte order mark", "\ufeff{\"a\":1}", "\ufeff{\"a\":1,\"m\":{\"iapeer\":{\"type\":\"http\",\"headers\":{\"X\":\"claude-ada\"}}}}"},
		{"repeated key: the last counts", `{"m":{"iapeer":1},"m":{}}`, `{"m":{"iapeer":1},"m":{"iapeer":{"type":"http","headers":{"X":"claude-ada"}}}}`},
		{"escaped key", `{"\u006d":{"a":1}}`, `{"\u006d":{"a":1,"iapeer":{"type":"http","headers":{"X":"claude-ada"}}}}`},
	} {
		doc, err := ParseJSON([]byte(tc.before))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		out, made, err := doc.Set(entry, "m", "iapeer")
		if got := string(out.Bytes()); err != nil || got != tc.after {
			t.Errorf("%s: Set = %s, %v, want %s", tc.name, got, err, tc.after)
		}
		again, _, err := out.Set(entry, "m", "iapeer")
		if err != nil || again != out {
			t.Errorf("%s: a second Set changed it to %s, %v", tc.name, again.text, err)
		}
		if _, was := doc.Raw("m", "iapeer"); !was && tc.before != "" && tc.before != " \n" && tc.before != "{\n\t\"m\": {}\n}" {
			if back := out.Remove(made, "m", "iapeer"); back != doc {
				t.Errorf("%s: Remove = %q, want %q", tc.name, back.text, doc.text)
			}
		}
	}
}

func TestParseJSONRefuses(t *testing.T) {
	for _, in := range []string{`[]`, `{"a":1,}`, `{"a":1} x`, `// c` + "\n{}", `"text"`, `{`, "{\"a\":\x01}", "null"} {
		if _, err := ParseJSON([]byte(in)); !errors.Is(err, ErrNotJSON) {
			t.Errorf("ParseJSON(%q) = %v, want ErrNotJSON", in, err)
		}
	}
	doc, _ := ParseJSON([]byte(`{"m":[1],"n":{"a":"x"}}`))
	if _, _, err := doc.Set(1, "m", "a"); !errors.Is(err, ErrNotJSON) {
		t.Errorf("Set into an array = %v, want ErrNotJSON", err)
	}
	if _, _, err := doc.Add("a", "n"); !errors.Is(err, ErrNotJSON) {
		t.Errorf("Add to an object = %v, want ErrNotJSON", err)
	}
}

func TestAdd(t *testing.T) {
	for _, tc := range []struct{ name, before, after string }{
		{"no file", "", "{\n  \"list\": [\n    \"iapeer\"\n  ]\n}\n"},
		{"no list", "{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"list\": [\n    \"iapeer\"\n  ]\n}\n"},
		{"empty list", `{"list": []}`, `{"list": ["iapeer"]}`},
		{"on one line", `{"list": ["x", 3]}`, `{"list": ["x", 3, "iapeer"]}`},
		{"over lines", "{\n  \"list\": [\n    \"x\"\n  ]\n}", "{\n  \"list\": [\n    \"x\",\n    \"iapeer\"\n  ]\n}"},
		{"there", `{"list":["x","iapeer","y"]}`, `{"list":["x","iapeer","y"]}`},
	} {
		doc, err := ParseJSON([]byte(tc.before))
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		out, _, err := doc.Add("iapeer", "list")
		if got := string(out.Bytes()); err != nil || got != tc.after {
			t.Errorf("%s: Add = %s, %v, want %s", tc.name, got, err, tc.after)
		}
		if doc.Len("list") > 0 && out != doc && out.Drop("iapeer", "list") != doc {
			t.Errorf("%s: Drop = %q, want %q", tc.name, out.Drop("iapeer", "list").text, doc.text)
		}
	}
}

func TestRemove(t *testing.T) {
	for _, tc := range []struct {
		name, before string
		made         int
		after        string
	}{
		{"first", "{\n  \"m\": {\n    \"iapeer\": 1,\n    \"a\": 2\n  }\n}", 1, "{\n  \"m\": {\n    \"a\": 2\n  }\n}"},
		{"middle", `{"m":{"a":1, "iapeer":2, "b":3}}`, 1, `{"m":{"a":1, "b":3}}`},
		{"alone, made with its parent", "{\n  \"a\": 1,\n  \"m\": {\n    \"iapeer\": 1\n  }\n}", 1, "{\n  \"a\": 1\n}"},
		{"alone, parent was there", "{\n  \"m\": {\n    \"iapeer\": 1\n  }\n}", 0, "{\n  \"m\": {}\n}"},
		{"not there", `{"m":{"a":1}}`, 1, `{"m":{"a":1}}`},
		{"nothing there", `{"a":1}`, 1, `{"a":1}`},
	} {
		doc, err := ParseJSON([]byte(tc.before))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Remove(tc.made, "m", "iapeer").text; got != tc.after {
			t.Errorf("%s: Remove = %s, want %s", tc.name, got, tc.after)
		}
	}
}

// FuzzSet holds the edits to what they promise: valid stays valid, every other
// key keeps its value, a repeat changes nothing, removal undoes.
func FuzzSet(f *testing.F) {
	for _, s := range []string{"", "{}", `{"m":{"a":1}}`, "{\n\t\"m\" : { }\n}", `{"m":null}`, `{"m":{"iapeer":{}},"x":[{}]}`, "\ufeff{}\r\n", `{"":{"":""}}`, `{"m":{},"m":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		doc, err := ParseJSON(before)
		if err != nil {
			return
		}
		out, made, err := doc.Set(entry, "m", "iapeer")
		if err != nil {
			return
		}
		was, is := values(t, doc), values(t, out)
		if !SameJSON(Encode(pick(is, "m", "iapeer")), Encode(entry)) {
			t.Fatalf("Set(%q) = %q: the value is not there", doc.text, out.text)
		}
		if again, _, err := out.Set(entry, "m", "iapeer"); err != nil || again != out {
			t.Fatalf("Set twice: %q, then %q, %v", out.text, again.text, err)
		}
		if pick(was, "m", "iapeer") == nil {
			back := values(t, out.Remove(made, "m", "iapeer"))
			if !reflect.DeepEqual(back, was) && !hasTwins(doc) {
				t.Fatalf("Remove(Set(%q)) = %q", doc.text, out.Remove(made, "m", "iapeer").text)
			}
		}
		drop(was)
		drop(is)
		if !reflect.DeepEqual(was, is) {
			t.Fatalf("Set(%q) = %q: something else changed", doc.text, out.text)
		}
	})
}

// FuzzAdd does the same for lists.
func FuzzAdd(f *testing.F) {
	for _, s := range []string{"", `{"list":[]}`, `{"list":[ "a" ]}`, "{\n  \"list\": [\n    1\n  ]\n}", `{"list":["iapeer"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		doc, err := ParseJSON(before)
		if err != nil {
			return
		}
		out, made, err := doc.Add("iapeer", "list")
		if err != nil {
			return
		}
		values(t, out)
		if !out.Holds("iapeer", "list") {
			t.Fatalf("Add(%q) = %q: the item is not there", doc.text, out.text)
		}
		if again, _, err := out.Add("iapeer", "list"); err != nil || again != out {
			t.Fatalf("Add twice: %q, then %q, %v", out.text, again.text, err)
		}
		if out == doc {
			return
		}
		back := out.Drop("iapeer", "list")
		if _, was := doc.Raw("list"); !was {
			back = back.Remove(made, "list")
		}
		if !reflect.DeepEqual(values(t, back), values(t, doc)) && !hasTwins(doc) {
			t.Fatalf("Drop(Add(%q)) = %q", doc.text, back.text)
		}
	})
}

func values(t *testing.T, d JSON) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(d.text), &m); err != nil {
		t.Fatalf("%q is not valid any more: %v", d.text, err)
	}
	return m
}

func pick(m map[string]any, a, b string) any {
	inner, _ := m[a].(map[string]any)
	return inner[b]
}

// drop takes out what Set may change: our key, and the object made for it.
func drop(m map[string]any) {
	if inner, ok := m["m"].(map[string]any); ok {
		delete(inner, "iapeer")
		if len(inner) == 0 {
			delete(m, "m")
		}
	}
}

// hasTwins reports repeated keys, for which removal may bring an earlier one
// back.
func hasTwins(d JSON) bool {
	seen := map[string]bool{}
	for _, c := range d.children(d.root()) {
		if seen[c.key] {
			return true
		}
		seen[c.key] = true
	}
	for _, p := range []string{"m", "list"} {
		inner := map[string]bool{}
		v, _ := d.find(p)
		for _, c := range d.children(v) {
			if v.IsObject() && inner[c.key] {
				return true
			}
			inner[c.key] = true
		}
	}
	return false
}
