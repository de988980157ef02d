package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/iapeer/iapeer"
)

// Send sends one message and waits as the request says. The message is on disk
// when Send returns without an error; Result.State tells how far it has got. A
// lost connection may be answered by calling Send again with the same Key.
func (c *Client) Send(ctx context.Context, req SendRequest) (SendReply, error) {
	var r SendReply
	res, err := c.open(ctx, "POST", "/fleet/v1/send", req, keyHeader(req.Key))
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("send %s: the answer ended early: %w", req.Personality, err)
	}
	return r, nil
}

// SendWatched is Send that calls watch with what happens to the message and to
// its recipient until the result is there. watch is called on the caller's
// goroutine.
func (c *Client) SendWatched(ctx context.Context, req SendRequest, watch func(Progress)) (SendReply, error) {
	var r SendReply
	res, err := c.open(ctx, "POST", "/fleet/v1/send?progress=1", req, keyHeader(req.Key))
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	for f, err := range frames(res.Body) {
		if err != nil {
			return r, fmt.Errorf("send %s: the answer ended early: %w", req.Personality, err)
		}
		switch f.name {
		case "progress":
			var p Progress
			if json.Unmarshal(f.data, &p) == nil {
				watch(p)
			}
		case "result":
			return r, json.Unmarshal(f.data, &r)
		case "error":
			e := &Error{Status: 502}
			if err := json.Unmarshal(f.data, e); err != nil {
				return r, err
			}
			return r, e
		}
	}
	return r, errors.New("send " + req.Personality + ": the answer ended early; send again with the same key")
}

// keyHeader carries the idempotency key, a fresh one when the caller gave none.
func keyHeader(key string) map[string]string {
	if key == "" {
		key = rand.Text()
	}
	return map[string]string{HeaderKey: key}
}

// Message returns the message whose id begins with prefix, with its history.
func (c *Client) Message(ctx context.Context, prefix string) (Message, error) {
	var r MessageReply
	err := c.do(ctx, "GET", "/fleet/v1/messages/"+url.PathEscape(prefix), nil, &r)
	return r.Message, err
}

// Await returns the message once it has reached goal or has ended, or as it is
// when the time is over: after wait, after ten minutes, or when the daemon
// stops.
func (c *Client) Await(ctx context.Context, prefix string, goal iapeer.State, wait time.Duration) (Message, error) {
	var r MessageReply
	v := url.Values{"for": {string(goal)}, "wait": {wait.String()}}
	err := c.do(ctx, "GET", "/fleet/v1/messages/"+url.PathEscape(prefix)+"?"+v.Encode(), nil, &r)
	return r.Message, err
}

// Messages returns what the query selects, in the query's order.
func (c *Client) Messages(ctx context.Context, q iapeer.MessageQuery) ([]Message, error) {
	return c.list(ctx, "/fleet/v1/messages", queryValues(q))
}

// Inbox returns the messages to the caller, or to the person at this host.
func (c *Client) Inbox(ctx context.Context, q iapeer.MessageQuery) ([]Message, error) {
	return c.list(ctx, "/fleet/v1/inbox", queryValues(q))
}

func (c *Client) list(ctx context.Context, path string, v url.Values) ([]Message, error) {
	var r MessagesReply
	err := c.do(ctx, "GET", path+"?"+v.Encode(), nil, &r)
	return r.Messages, err
}

func queryValues(q iapeer.MessageQuery) url.Values {
	v := url.Values{}
	for key, text := range map[string]string{"peer": string(q.Peer), "from": string(q.From), "to": string(q.To), "q": q.Text, "state": string(q.State)} {
		if text != "" {
			v.Set(key, text)
		}
	}
	for key, n := range map[string]int64{"before": q.Before, "after": q.After, "limit": int64(q.Limit)} {
		if n != 0 {
			v.Set(key, strconv.FormatInt(n, 10))
		}
	}
	return v
}

// MarkRead tells that messages to the person were shown.
func (c *Client) MarkRead(ctx context.Context, ids ...iapeer.MessageID) error {
	return c.do(ctx, "POST", "/fleet/v1/inbox", ReadRequest{IDs: ids}, nil)
}

// Cancel withdraws a message that was not offered yet.
func (c *Client) Cancel(ctx context.Context, id string) (Message, error) {
	return c.change(ctx, id, "cancel", ResolveRequest{})
}

// Retry asks for another attempt at a message that failed, expired or is
// unknown.
func (c *Client) Retry(ctx context.Context, id string) (Message, error) {
	return c.change(ctx, id, "retry", ResolveRequest{})
}

// Resolve says what became of a message whose state is unknown: it was seen, or
// it was lost and need not be.
func (c *Client) Resolve(ctx context.Context, id string, seen bool) (Message, error) {
	req := ResolveRequest{As: "lost"}
	if seen {
		req.As = "seen"
	}
	return c.change(ctx, id, "resolve", req)
}

func (c *Client) change(ctx context.Context, id, verb string, req ResolveRequest) (Message, error) {
	var r MessageReply
	err := c.do(ctx, "POST", "/fleet/v1/messages/"+url.PathEscape(id)+"/"+verb, req, &r)
	return r.Message, err
}
