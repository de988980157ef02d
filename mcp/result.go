package mcp

import (
	"bytes"
	"encoding/json"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
)

// toolResult encodes a tool's result twice: as text that models read, and as
// structured content for programs.
func toolResult(v any) (*mcpgo.CallToolResult, error) {
	var compact, pretty bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	raw := bytes.TrimRight(compact.Bytes(), "\n")
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		return nil, err
	}
	return &mcpgo.CallToolResult{
		Content:              []mcpgo.Content{mcpgo.NewTextContent(pretty.String())},
		RawStructuredContent: raw,
	}, nil
}
