package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/iapeer/iapeer"
)

// Snapshot returns the whole fleet.
func (c *Client) Snapshot(ctx context.Context) (Snapshot, error) {
	var s Snapshot
	err := c.do(ctx, "GET", "/fleet/v1/snapshot", nil, &s)
	return s, err
}

// Peer returns one peer and its last events.
func (c *Client) Peer(ctx context.Context, name string) (PeerReply, error) {
	var p PeerReply
	err := c.do(ctx, "GET", "/fleet/v1/peers/"+url.PathEscape(name), nil, &p)
	return p, err
}

// Command carries out one verb on one peer and returns when it is done.
func (c *Client) Command(ctx context.Context, verb iapeer.Verb, peer string, req CommandRequest) (iapeer.Outcome, error) {
	var out iapeer.Outcome
	err := c.do(ctx, "POST", "/fleet/v1/peers/"+url.PathEscape(peer)+"/"+url.PathEscape(string(verb)), req, &out)
	return out, err
}

// Onboard makes, changes or removes a peer.
func (c *Client) Onboard(ctx context.Context, req iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	var r onboardReply
	err := c.do(ctx, "POST", "/fleet/v1/onboard", req, &r)
	return iapeer.OnboardingReport(r), err
}

// onboardReply reads a report in which name, runtime and nature may be empty, as after
// a removal.
type onboardReply iapeer.OnboardingReport

func (r *onboardReply) UnmarshalJSON(b []byte) error {
	v := struct {
		*iapeer.OnboardingReport
		Name    string `json:"personality"`
		Runtime string `json:"runtime"`
		Nature  string `json:"intelligence"`
	}{OnboardingReport: (*iapeer.OnboardingReport)(r)}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	r.Name, r.Runtime, r.Nature = iapeer.Name(v.Name), iapeer.Runtime(v.Runtime), iapeer.Nature(v.Nature)
	return nil
}

// Screen returns what a peer's live session shows, as plain text. runtime ""
// means the only live one, else the default.
func (c *Client) Screen(ctx context.Context, peer, runtime string) (string, error) {
	var r ScreenReply
	path := "/fleet/v1/peers/" + url.PathEscape(peer) + "/screen"
	if runtime != "" {
		path += "?runtime=" + url.QueryEscape(runtime)
	}
	err := c.do(ctx, "GET", path, nil, &r)
	return r.Screen, err
}

// Notices returns what people must know, newest last.
func (c *Client) Notices(ctx context.Context) ([]Notice, error) {
	var r struct {
		Notices []Notice `json:"notices"`
	}
	err := c.do(ctx, "GET", "/fleet/v1/notices", nil, &r)
	return r.Notices, err
}

// Settings returns the configuration with the origin of each value.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	var r SettingsReply
	err := c.do(ctx, "GET", "/fleet/v1/config", nil, &r)
	return r.Settings, err
}

// Set writes one key of the person's configuration file; "" removes it.
func (c *Client) Set(ctx context.Context, key, value string) error {
	return c.do(ctx, "POST", "/fleet/v1/config", Setting{Key: key, Value: value}, nil)
}

// Environment returns the base environment of sessions as KEY=VALUE. With
// refresh it is recorded anew from a login shell.
func (c *Client) Environment(ctx context.Context, refresh bool) ([]string, error) {
	var r EnvironmentReply
	method := "GET"
	if refresh {
		method = "POST"
	}
	err := c.do(ctx, method, "/fleet/v1/config/env", nil, &r)
	return r.Environment, err
}

// Version tells which daemon answers.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.do(ctx, "GET", "/version", nil, &v)
	return v, err
}

// Healthy returns nil when the daemon can do its work.
func (c *Client) Healthy(ctx context.Context) error { return c.do(ctx, "GET", "/healthz", nil, nil) }

// Hook reports what a runtime said about the session whose token the client
// carries.
func (c *Client) Hook(ctx context.Context, runtime, event string, payload []byte) error {
	res, err := c.open(ctx, "POST", "/hooks/v1/"+url.PathEscape(runtime)+"/"+url.PathEscape(event), payload, nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Decide asks whether the tool that a hook's payload describes may run. With an
// error it may not. key is the same for each try of one hook, so that one that
// lost the daemon finds its question again.
func (c *Client) Decide(ctx context.Context, runtime, event, key string, payload []byte) (Decision, error) {
	var r struct {
		Decision *Decision `json:"decision"`
	}
	header := map[string]string{}
	if key != "" {
		header[HeaderKey] = key
	}
	err := c.doWith(ctx, "POST", "/hooks/v1/"+url.PathEscape(runtime)+"/"+url.PathEscape(event)+"?decide=1", payload, header, &r)
	if err != nil {
		return Decision{}, err
	}
	if r.Decision == nil {
		return Decision{}, errors.New("the daemon gave no decision")
	}
	return *r.Decision, nil
}
