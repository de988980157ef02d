package edit

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

const testURL = "http://127.0.0.1:8765/mcp"

const testBlock = `[mcp_servers.iapeer]
enabled = false
url = "http://127.0.0.1:8765/mcp"
default_tools_approval_mode = "approve"
bearer_token_env_var = "IAPEER_BEARER"
[mcp_servers.iapeer.env_http_headers]
"X-IAPeer-Identity" = "PEER_IDENTITY"
`

func TestAddCodexServer(t *testing.T) {
	for _, tc := range []struct{ name, before, after string }{
		{"no file", "", testBlock},
		{"other config and comments", "model = \"x\" # mine\n\n[tui]\na = 1 # also\n", "model = \"x\" # mine\n\n[tui]\na = 1 # also\n\n" + testBlock},
		{"no last line break", "model = \"x\"", "model = \"x\"\n\n" + testBlock},
		{"CRLF", "model = \"x\"\r\n", "model = \"x\"\r\n\r\n" + strings.ReplaceAll(testBlock, "\n", "\r\n")},
		{"other servers", "[mcp_servers.other]\nurl = \"y\"\n", "[mcp_servers.other]\nurl = \"y\"\n\n" + testBlock},
		{"table without ours", "[mcp_servers]\n", "[mcp_servers]\n\n" + testBlock},
		{"dotted other", "mcp_servers.other.url = \"y\"\n", "mcp_servers.other.url = \"y\"\n\n" + testBlock},
		{"only in a comment", "# [mcp_servers.iapeer]\n", "# [mcp_servers.iapeer]\n\n" + testBlock},
		{"only in a string", "a = '''\n[mcp_servers.iapeer]\n'''\n", "a = '''\n[mcp_servers.iapeer]\n'''\n\n" + testBlock},
	} {
		after, added, err := AddCodexServer([]byte(tc.before), testURL)
		if err != nil || string(after) != tc.after {
			t.Errorf("%s: AddCodexServer = %q, %v, want %q", tc.name, after, err, tc.after)
		}
		if got := strings.Replace(string(after), added, "", 1); got != tc.before {
			t.Errorf("%s: without what was added: %q, want %q", tc.name, got, tc.before)
		}
		if again, added, err := AddCodexServer(after, testURL); err != nil || added != "" || string(again) != string(after) {
			t.Errorf("%s: a second time: %q, %q, %v", tc.name, again, added, err)
		}
	}
}

func TestAddCodexServerKeepsOurs(t *testing.T) {
	for _, in := range []string{
		"[mcp_servers.iapeer]\nurl = \"mine\"\n",
		"[ mcp_servers . \"iapeer\" ]\nurl = \"mine\"\n",
		"mcp_servers.iapeer.url = \"mine\"\n",
		"mcp_servers.'iapeer' = { url = \"mine\" } # dotted, quoted, inline\n",
		"\"mcp_servers\" = { iapeer = { url = \"mine\" } }\n",
		"[mcp_servers]\niapeer = { url = \"mine\" }\n",
		"[mcp_servers]\niapeer.url = \"mine\"\n",
		"[mcp_servers.iapeer.env_http_headers]\nX = \"Y\"\n",
	} {
		if after, added, err := AddCodexServer([]byte(in), testURL); err != nil || added != "" || string(after) != in {
			t.Errorf("AddCodexServer(%q) = %q, %q, %v", in, after, added, err)
		}
	}
}

func TestAddCodexServerInline(t *testing.T) {
	const ours = `iapeer = { enabled = false, url = "http://127.0.0.1:8765/mcp", default_tools_approval_mode = "approve", bearer_token_env_var = "IAPEER_BEARER", env_http_headers = { "X-IAPeer-Identity" = "PEER_IDENTITY" } }`
	for _, tc := range []struct{ before, after string }{
		{"mcp_servers = { a = { url = \"}\" } } # x }\n[tui]\n", "mcp_servers = { a = { url = \"}\" }, " + ours + " } # x }\n[tui]\n"},
		{"mcp_servers = {}\n", "mcp_servers = {" + ours + "}\n"},
	} {
		after, _, err := AddCodexServer([]byte(tc.before), testURL)
		if err != nil || string(after) != tc.after {
			t.Errorf("AddCodexServer(%q) = %q, %v, want %q", tc.before, after, err, tc.after)
		}
	}
}

func TestAddCodexServerRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"a = 1\nb = \n":                "line 2",
		"mcp_servers = 3\n":            "mcp_servers is not a table",
		"[[mcp_servers]]\nurl=\"x\"\n": "mcp_servers is not a table",
	} {
		after, added, err := AddCodexServer([]byte(in), testURL)
		if !errors.Is(err, ErrNotTOML) || !strings.Contains(err.Error(), want) || added != "" || string(after) != in {
			t.Errorf("AddCodexServer(%q) = %q, %v, want %q in the error", in, after, err, want)
		}
	}
}

// FuzzAddCodexServer holds it to its promise: what the file says stays, byte
// for byte, and only our server is new.
func FuzzAddCodexServer(f *testing.F) {
	for _, s := range []string{"", "a=1", "[a]\nb.c=1\n", "mcp_servers={}", "mcp_servers={x={url=''}}#}", "mcp_servers.x.y=1\n[z]", "[[a]]\r\n", "[mcp_servers]\nx={}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		after, added, err := AddCodexServer(before, testURL)
		if err != nil || added == "" {
			if string(after) != string(before) {
				t.Fatalf("changed without adding: %q → %q", before, after)
			}
			return
		}
		if got := strings.Replace(string(after), added, "", 1); got != string(before) {
			t.Fatalf("without what was added: %q, want %q", got, before)
		}
		was, is := parsed(t, before), parsed(t, after)
		servers, ok := is["mcp_servers"].(map[string]any)
		if !ok || servers["iapeer"] == nil {
			t.Fatalf("%q: our server is not there", after)
		}
		delete(servers, "iapeer")
		if _, had := was["mcp_servers"]; !had && len(servers) == 0 {
			delete(is, "mcp_servers")
		}
		if !reflect.DeepEqual(was, is) {
			t.Fatalf("%q → %q: something else changed", before, after)
		}
	})
}

func parsed(t *testing.T, b []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := toml.Unmarshal([]byte(strings.TrimPrefix(string(b), byteOrderMark)), &m); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return m
}
