package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/iapeer/iapeer"
)

// maxReplyBytes bounds a reply that is not a stream: a list of 1000 messages of
// full length fits.
const maxReplyBytes = 64 << 20

// A Client speaks to one daemon. It is safe for concurrent use and needs no
// closing.
type Client struct {
	way      Way
	identity string
	bearer   string
	daemon   *atomic.Pointer[string] // version of the last reply; shared by the copies that As makes
}

// New returns a client that sends its requests that way. [Dial] is what most
// want; New is for other ways.
func New(way Way) *Client {
	return &Client{way: way, daemon: new(atomic.Pointer[string])}
}

// As returns a client that speaks as identity, "<runtime>-<name>", proven by the
// session token bearer. Both may be empty: the daemon then sees a process of
// this user, and at a terminal the person.
func (c *Client) As(identity, bearer string) *Client {
	cc := *c
	cc.identity, cc.bearer = identity, bearer
	return &cc
}

// Daemon returns the version of the daemon that answered last, "" before the
// first answer.
func (c *Client) Daemon() string {
	if v := c.daemon.Load(); v != nil {
		return *v
	}
	return ""
}

// Mismatch returns one line with the remedy when the daemon that answered is of
// another version than this program, "" when it is not or is not known yet.
func (c *Client) Mismatch() string {
	if v := c.Daemon(); v != "" && v != iapeer.Version {
		return fmt.Sprintf("the daemon is %s, this program is %s: iapeer daemon restart", v, iapeer.Version)
	}
	return ""
}

// do sends one request and decodes a 200 into out, which may be nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	return c.doWith(ctx, method, path, in, nil, out)
}

// doWith is do with headers of its own.
func (c *Client) doWith(ctx context.Context, method, path string, in any, header map[string]string, out any) error {
	res, err := c.open(ctx, method, path, in, header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		return fmt.Errorf("%s %s: the answer ended early: %w", method, path, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what this version knows: %w", method, path, err)
	}
	return nil
}

// open sends one request and returns its answer with status 200; the caller
// closes the body. Other statuses are returned as an *Error.
func (c *Client) open(ctx context.Context, method, path string, in any, header map[string]string) (*Response, error) {
	req := &Request{Method: method, Path: path, Header: c.dress(method, header)}
	switch v := in.(type) {
	case nil:
	case []byte:
		req.Body = v
	default:
		var err error
		if req.Body, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	res, err := c.way.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Version != "" {
		c.daemon.Store(&res.Version)
	}
	if res.Status != statusOK {
		defer res.Body.Close()
		return nil, refused(res)
	}
	return res, nil
}

// dress returns the headers of a request: its own, and who asks.
func (c *Client) dress(method string, own map[string]string) map[string]string {
	header := map[string]string{}
	maps.Copy(header, own)
	if method == "POST" {
		header["Content-Type"] = "application/json"
	}
	if c.identity != "" {
		header[HeaderIdentity] = c.identity
	}
	if c.bearer != "" {
		header["Authorization"] = "Bearer " + c.bearer
	}
	return header
}

// refused reads an answer that is not 200.
func refused(res *Response) *Error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // what arrived is enough to tell
	e := &Error{}
	if json.Unmarshal(b, e) != nil || e.Message == "" {
		e.Message = strings.TrimSpace(string(b[:min(len(b), 200)]))
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("the daemon answered %d %s", res.Status, res.Reason)
	}
	e.Status = res.Status
	return e
}
