package mcp

import (
	"context"
	"errors"
	"time"

	"github.com/iapeer/iapeer"
	"go.uber.org/zap"
)

// A Handler runs a call. Its result is encoded as JSON; its error is shown to
// the model.
type Handler func(ctx context.Context, c *Call) (any, error)

// A Middleware returns a handler around another: what it does before calling
// next happens before the tool, the rest after it.
type Middleware func(next Handler) Handler

// chain puts the middleware around h, the first outermost.
func chain(h Handler, use ...Middleware) Handler {
	for i := len(use) - 1; i >= 0; i-- {
		h = use[i](h)
	}
	return h
}

// observe tells Config.Observe of the call.
func (s *Server) observe(next Handler) Handler {
	if s.cfg.Observe == nil {
		return next
	}
	return func(ctx context.Context, c *Call) (any, error) {
		start := time.Now()
		result, err := next(ctx, c)
		if unknown := (*unknownToolError)(nil); errors.As(err, &unknown) {
			return result, err // nothing was to be sent
		}
		a := iapeer.Attempt{Caller: c.Caller.Identity, Proof: c.Caller.Proof, Draft: c.Draft, Len: len(c.Draft.Body), Err: err, Elapsed: time.Since(start)}
		a.Draft.Body = ""
		if a.Caller == (iapeer.Identity{}) {
			a.Claimed = c.claimed
		}
		if sent, ok := result.(*iapeer.SendResult); ok {
			a.Result = sent
		}
		s.cfg.Observe(a)
		return result, err
	}
}

// errPanic is what the model is told of a fault of ours.
var errPanic = errors.New("the daemon had an internal error in this call and wrote it to its log; look with iapeer msg list before you send again")

// recover keeps a fault in a tool from taking more than its own call.
func (s *Server) recover(next Handler) Handler {
	return func(ctx context.Context, c *Call) (result any, err error) {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("tool panicked", zap.String("tool", c.Tool), zap.Any("panic", p), zap.Stack("stack"))
				result, err = nil, errPanic
			}
		}()
		return next(ctx, c)
	}
}
