package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func TestInspectorFiles(t *testing.T) {
	t.Parallel()
	p := start(t, "-control")
	for path, contentType := range map[string]string{
		"":              "text/html; charset=utf-8",
		"inspector.css": "text/css; charset=utf-8",
		"inspector.js":  "text/javascript; charset=utf-8",
		"inspector.svg": "image/svg+xml",
	} {
		status, text, header := p.send(t, "GET", "/_emulator/"+path, "", "")
		assert.Equal(t, 200, status, path)
		assert.NotEmpty(t, text, path)
		assert.Equal(t, contentType, header.Get("Content-Type"))
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "",
		} {
			assert.Equal(t, value, header.Get(name), "%s of %s", name, path)
		}
		policy := header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'")
		assert.NotContains(t, policy, "unsafe")
		assert.NotContains(t, policy, "http")
	}
	status, _ := p.do(t, "GET", "/_emulator/inspector.go", "", "")
	assert.Equal(t, 404, status)
	status, _ = start(t).do(t, "GET", "/_emulator/", "", "")
	assert.Equal(t, 404, status, "control is off")
}

func TestInspectorURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1": "http://127.0.0.1:4010/_emulator/",
		"::1":       "http://[::1]:4010/_emulator/",
		"::":        "http://localhost:4010/_emulator/",
		"0.0.0.0":   "http://localhost:4010/_emulator/",
	} {
		assert.Equal(t, want, inspectorURL(&net.TCPAddr{IP: net.ParseIP(address), Port: 4010}))
	}
}

func TestInspectorStatus(t *testing.T) {
	t.Parallel()
	const other = "AC00000000000000000000000000000009"
	p := start(t, "-control", "-account-sid", conversationstest.DefaultAccountSID, "-account-sid", other, "-auth-token", "x")
	control := func(path, body string) {
		status, text := p.do(t, "POST", "/_emulator/"+path, jsonType, body)
		require.Less(t, status, 300, text)
	}
	control("conversations", `[{"account_sid": "`+other+`", "unique_name": "a", "date_closed": "2090-01-02T00:00:00Z"},
		{"state": "closed", "chat_service_sid": "IS00000000000000000000000000000001"}]`)
	control("faults", `{"operation": "*", "faults": [{"drop": true}]}`)
	control("faults", `{"operation": "fetchConversation", "faults": [{"status": 429, "times": 3, "header": {"Retry-After": "2"}}, {"delay": "1s"}]}`)
	status, text := p.do(t, "GET", "/_emulator/status", "", "")
	require.Equal(t, 200, status)
	var got struct {
		NextTimer  string `json:"next_timer"`
		Services   []map[string]any
		Faults     []map[string]any
		Operations []string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.Equal(t, "2090-01-02T00:00:00Z", got.NextTimer)
	assert.Equal(t, conversationstest.Operations(), got.Operations)
	require.Len(t, got.Services, 3)
	assert.Subset(t, got.Services[1], map[string]any{"account_sid": conversationstest.DefaultAccountSID, "chat_service_sid": "IS00000000000000000000000000000001", "default": false,
		"total": 1., "active": 0., "inactive": 0., "closed": 1., "initializing": 0.})
	assert.Equal(t, true, got.Services[2]["default"])
	assert.Equal(t, 1., got.Services[2]["active"])
	assert.Equal(t, []map[string]any{
		{"operation": "fetchConversation", "times": 3., "status": 429., "header": map[string]any{"Retry-After": []any{"2"}}},
		{"operation": "fetchConversation", "times": 1., "delay": "1s"},
		{"operation": "*", "times": 1., "drop": true},
	}, got.Faults)
	status, text = p.do(t, "GET", "/_emulator/conversations?search=A&account_sid="+other, "", "")
	assert.Equal(t, 200, status)
	assert.Contains(t, text, `"unique_name":"a"`)
	assert.Contains(t, text, `"next":""`)
	assert.NotContains(t, text, "date_inactive", "absent, not year 1")
	status, _ = p.do(t, "GET", "/_emulator/conversations?after=x", "", "")
	assert.Equal(t, 400, status)
}

func TestInspectorSend(t *testing.T) {
	t.Parallel()
	p := start(t, "-control")
	send := func(body string) (int, string, http.Header) {
		return p.send(t, "POST", "/_emulator/send", jsonType, body)
	}
	const account = `{"account_sid": "` + conversationstest.DefaultAccountSID + `", `
	status, text, header := send(account + `"method": "POST", "path": "/v1/Conversations", "form": {"UniqueName": "a&b"}, "webhooks": true}`)
	assert.Equal(t, 201, status)
	assert.Contains(t, text, `"unique_name":"a&b"`)
	for name := range header {
		assert.False(t, strings.HasPrefix(name, "Access-Control-"), name)
	}
	status, _, _ = send(account + `"method": "DELETE", "path": "/v1/Conversations/a%26b"}`)
	assert.Equal(t, 204, status)
	status, text, _ = send(account + `"method": "GET", "path": "/v1/Conversations/a%26b"}`)
	assert.Equal(t, 404, status)
	assert.Contains(t, text, "20404")

	_, text = p.do(t, "GET", "/_emulator/requests?latest=2", "", "")
	var requests []request
	require.NoError(t, json.Unmarshal([]byte(text), &requests))
	require.Len(t, requests, 2)
	assert.Equal(t, "deleteConversation", requests[0].Operation)
	assert.Equal(t, 2, requests[0].Number)
	assert.Positive(t, requests[1].Duration)
	assert.NotContains(t, text, conversationstest.DefaultAuthToken)

	_, _ = p.do(t, "POST", "/_emulator/faults", jsonType, `{"operation": "*", "faults": [{"drop": true}]}`)
	status, text, _ = send(account + `"method": "GET", "path": "/v1/Conversations"}`)
	assert.Equal(t, 502, status, text)
	_, text = p.do(t, "GET", "/_emulator/requests?latest=1", "", "")
	assert.Contains(t, text, `"status":0`)
	assert.Contains(t, text, `"fault":{"times":1,"drop":true}`)

	for name, body := range map[string]string{
		"account": `{"account_sid": "AC1", "method": "GET", "path": "/v1/Conversations"}`,
		"method":  account + `"method": "G T", "path": "/v1/Conversations"}`,
		"path":    account + `"method": "GET", "path": "/_emulator/requests"}`,
		"host":    account + `"method": "GET", "path": "@example.com/v1/"}`,
	} {
		status, text, _ := send(body)
		assert.Equal(t, 400, status, "%s: %s", name, text)
	}
	status, _ = p.do(t, "POST", "/_emulator/send", "text/plain", account+`"method": "DELETE", "path": "/v1/Conversations/a"}`)
	assert.Equal(t, 415, status)
}
