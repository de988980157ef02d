package edit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// ErrNotTOML tells that Codex's configuration cannot be read, by us or by Codex.
var ErrNotTOML = errors.New("not valid TOML")

// codexServer lists the keys of our MCP server in Codex's configuration.
//
// The server is switched off in the file, which every Codex session of the
// person reads, and switched on for one session by
// "-c mcp_servers.iapeer.enabled=true": a session without IAPEER_BEARER would
// otherwise greet its person with a warning about a server it has no use for.
func codexServer(url string) []tomlKey {
	return []tomlKey{
		{"enabled", "false"},
		{"url", tomlString(url)},
		{"default_tools_approval_mode", `"approve"`},
		{"bearer_token_env_var", `"IAPEER_BEARER"`},
	}
}

// codexHeaders is the server's table of headers taken from the environment.
var codexHeaders = tomlKey{`"X-IAPeer-Identity"`, `"PEER_IDENTITY"`}

type tomlKey struct{ key, value string }

func (k tomlKey) String() string { return k.key + " = " + k.value }

// AddCodexServer adds our MCP server to Codex's configuration unless it has one
// under that name, spelled in whatever way. Every byte that was there stays.
// It returns the text that was put in, "" when nothing was.
func AddCodexServer(before []byte, url string) (after []byte, added string, err error) {
	text := strings.TrimPrefix(string(before), byteOrderMark)
	mark := string(before[:len(before)-len(text)])
	has, err := codexHasServer(text)
	if err != nil || has {
		return before, "", err
	}
	block := codexBlock(text, url)
	if out := text + block; validTOML(out) {
		return []byte(mark + out), block, nil
	}
	// A table written inline cannot be extended by a header: go into it.
	at, first, ok := inlineServersEnd(text)
	if !ok {
		return before, "", fmt.Errorf("%w: mcp_servers cannot take another server", ErrNotTOML)
	}
	inline := codexInline(url)
	if !first {
		inline = ", " + inline
	}
	out := text[:at] + inline + text[at:]
	if !validTOML(out) {
		return before, "", fmt.Errorf("%w: mcp_servers cannot take another server", ErrNotTOML)
	}
	return []byte(mark + out), inline, nil
}

// codexHasServer reports whether the configuration has our server.
func codexHasServer(text string) (bool, error) {
	var doc map[string]any
	if err := toml.Unmarshal([]byte(text), &doc); err != nil {
		return false, fmt.Errorf("%w: %s", ErrNotTOML, tomlPlace(err))
	}
	servers, ok := doc["mcp_servers"].(map[string]any)
	if doc["mcp_servers"] != nil && !ok {
		return false, fmt.Errorf("%w: mcp_servers is not a table", ErrNotTOML)
	}
	_, has := servers["iapeer"]
	return has, nil
}

// tomlPlace says where and what is wrong.
func tomlPlace(err error) string {
	var d *toml.DecodeError
	if errors.As(err, &d) {
		row, _ := d.Position()
		return fmt.Sprintf("line %d: %s", row, strings.TrimPrefix(d.Error(), "toml: "))
	}
	return strings.TrimPrefix(err.Error(), "toml: ")
}

func validTOML(text string) bool {
	has, err := codexHasServer(text)
	return err == nil && has
}

// codexBlock is what is appended to text: a blank line, the server's table and
// its headers.
func codexBlock(text, url string) string {
	var b strings.Builder
	if text != "" {
		if !strings.HasSuffix(text, "\n") {
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("[mcp_servers.iapeer]\n")
	for _, k := range codexServer(url) {
		b.WriteString(k.String() + "\n")
	}
	b.WriteString("[mcp_servers.iapeer.env_http_headers]\n" + codexHeaders.String() + "\n")
	return strings.ReplaceAll(b.String(), "\n", newlineOf(text))
}

// codexInline is the server as one member of an inline table.
func codexInline(url string) string {
	var members []string
	for _, k := range codexServer(url) {
		members = append(members, k.String())
	}
	members = append(members, "env_http_headers = { "+codexHeaders.String()+" }")
	return "iapeer = { " + strings.Join(members, ", ") + " }"
}

// inlineServersEnd finds the place behind the last member of the inline table
// mcp_servers, and tells whether it has no member yet.
func inlineServersEnd(text string) (at int, first, ok bool) {
	p := unstable.Parser{}
	p.Reset([]byte(text))
	top := true
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind == unstable.Table || e.Kind == unstable.ArrayTable {
			top = false
		}
		if e.Kind != unstable.KeyValue || !top || !keyIs(e, "mcp_servers") || e.Value().Kind != unstable.InlineTable {
			continue
		}
		last := e.Raw.Offset + e.Raw.Length
		end := strings.LastIndexByte(text[:last], '}')
		if end < 0 {
			return 0, false, false
		}
		body := strings.TrimRight(text[:end], " \t\r\n")
		return len(body), strings.HasSuffix(body, "{"), true
	}
	return 0, false, false
}

func keyIs(e *unstable.Node, want string) bool {
	k := e.Key()
	return k.Next() && string(k.Node().Data) == want && k.IsLast()
}

// tomlString spells s as a basic string.
func tomlString(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(s) + `"`
}
