package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	p := start(t)
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, run(t.Context(), []string{"health", "-addr", strings.TrimPrefix(p.url, "http://")}, &stdout, &stderr))
	assert.Empty(t, stderr.String())

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	assert.Equal(t, exitFailed, run(t.Context(), []string{"health", "-addr", closed.Addr().String()}, &stdout, &stderr))
	assert.Regexp(t, "^conversations-emulator: unhealthy: [^\n]+\n$", stderr.String())

	for _, args := range [][]string{{"-colour"}, {"x"}, {"-addr", "nowhere"}} {
		assert.Equal(t, exitUsage, run(t.Context(), append([]string{"health"}, args...), &stdout, &stderr), args)
	}
	assert.Equal(t, exitOK, run(t.Context(), []string{"health", "-help"}, &stdout, &stderr))
	assert.Empty(t, stdout.String())
}

func TestWarnIfOpen(t *testing.T) {
	t.Parallel()
	for addr, open := range map[string]bool{
		":4010": true, "0.0.0.0:4010": true, "[::]:4010": true,
		"127.0.0.1:4010": false, "[::1]:4010": false, "localhost:4010": false, "192.0.2.1:4010": false, "nowhere": false,
	} {
		var stderr bytes.Buffer
		warnIfOpen(addr, &stderr)
		assert.Equal(t, open, stderr.Len() > 0, addr)
	}
	var stderr bytes.Buffer
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, exitOK, run(ended, []string{"-addr", "0.0.0.0:0"}, &bytes.Buffer{}, &stderr))
	assert.Contains(t, stderr.String(), "listening on all addresses")
}
