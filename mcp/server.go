package mcp

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// DefaultWait is how long a send waits for evidence: below the time-outs of
// the clients' own tool calls.
const DefaultWait = 20 * time.Second

// MaxBody is the size of the largest request, in bytes. The longest message
// with the longest attachments, every character escaped, is well below it.
const MaxBody = 1 << 20

// serverName is how the server calls itself to clients.
const serverName = "iapeer"

// A Sender accepts messages.
type Sender interface {
	// Send accepts the draft durably and waits at most Draft.Wait for
	// evidence. Its errors are shown to the model: they name the value and
	// the way out.
	Send(ctx context.Context, d iapeer.Draft) (iapeer.SendResult, error)
}

// Config is what a [Server] needs.
type Config struct {
	Sender  Sender
	Version string        // of the program, told to clients
	Wait    time.Duration // how long a send waits for evidence; 0 means DefaultWait
	Use     []Middleware  // around every tool, the first outermost
	Log     *zap.Logger   // panics and protocol trouble; nil for none

	// Observe is told of every call of a tool that ran, refused ones included;
	// nil for none. It must not block.
	Observe func(iapeer.Attempt)
}

// A Server answers /mcp. It is safe for concurrent use.
type Server struct {
	cfg    Config
	log    *zap.Logger
	tools  map[string]tool
	run    Handler
	mcp    *server.MCPServer
	stream *server.StreamableHTTPServer

	serverInfo string // see [serverInfo]
}

// A tool is what clients see of it, and what it does.
type tool struct {
	decl mcpgo.Tool
	run  Handler
}

// New returns a Server.
func New(cfg Config) *Server {
	if cfg.Wait == 0 {
		cfg.Wait = DefaultWait
	}
	s := &Server{cfg: cfg, log: cfg.Log, serverInfo: serverInfo(serverName, cfg.Version)}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	s.tools = map[string]tool{
		sendToPeerName: s.sendToPeer(),
	}
	s.run = chain(s.dispatch, append([]Middleware{s.observe, s.recover}, cfg.Use...)...)
	s.mcp = server.NewMCPServer(serverName, cfg.Version,
		server.WithToolCapabilities(false),
		server.WithInstructions(instructions),
	)
	for _, t := range s.tools {
		s.mcp.AddTool(t.decl, s.handle)
	}
	s.stream = server.NewStreamableHTTPServer(s.mcp, server.WithStateLess(true),
		server.WithStreamableHTTPLogger(slog.New(zapslog.NewHandler(s.log.Core()))))
	return s
}

// Streamable returns mcp-go's own transport over the same tools: the second
// path, with which the first is compared.
func (s *Server) Streamable() http.Handler { return s.stream }

// ServeHTTP implements [http.Handler]. There is no stream to GET and no session
// to DELETE.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost:
		s.post(w, r)
	case r.Method == http.MethodDelete && !mcpgo.IsModernProtocol(r.Header.Get(mcpgo.HeaderProtocolVersion)):
		w.WriteHeader(http.StatusOK) // an older client ends a session that it believes in
	default:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, r.Method+" is not supported: send JSON-RPC by POST", http.StatusMethodNotAllowed)
	}
}

// handle is the handler of every tool, called by mcp-go. The call was put into
// the context by the short path, or is made from what mcp-go decoded.
func (s *Server) handle(ctx context.Context, req mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
	c, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		c = callOf(ctx, req)
	}
	o, err := encode(s.run(ctx, c))
	if err != nil {
		return nil, err
	}
	if c.short {
		c.outcome, c.ran = o, true
		return ranElsewhere(), nil
	}
	return o.result(), nil
}

// ranElsewhere tells mcp-go that the tool ran; the short path has its outcome.
func ranElsewhere() *mcpgo.CallToolResult { return &mcpgo.CallToolResult{} }

func (s *Server) dispatch(ctx context.Context, c *Call) (any, error) {
	t, ok := s.tools[c.Tool]
	if !ok {
		return nil, &unknownToolError{c.Tool}
	}
	return t.run(ctx, c)
}

// callOf makes a call of what mcp-go decoded.
func callOf(ctx context.Context, req mcpgo.CallToolRequest) *Call {
	c := &Call{Tool: req.Params.Name, claimed: req.Header.Get(gate.IdentityHeader)}
	switch a := req.GetRawArguments().(type) {
	case json.RawMessage:
		c.Arguments = a
	case nil:
	default:
		c.Arguments, _ = json.Marshal(a) // it was JSON a moment ago
	}
	var meta json.RawMessage
	if req.Params.Meta != nil {
		meta, _ = json.Marshal(req.Params.Meta)
	}
	c.identify(ctx, readMeta(gjson.ParseBytes(meta)), req.Header)
	return c
}

type unknownToolError struct{ name string }

func (e *unknownToolError) Error() string { return "unknown tool: " + e.name }
