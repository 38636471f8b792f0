package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

func TestLogIsOneRecordPerAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		server := newScript(t, answer(503, "", ""), connectionLost, success("fetch"))
		_, err := newClient(t, server, client.WithLogger(logger)).Conversations.Fetch(t.Context(), "order-1234")
		require.NoError(t, err)
		var records []map[string]any
		for dec := json.NewDecoder(&log); ; {
			var record map[string]any
			err := dec.Decode(&record)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			delete(record, "time")
			records = append(records, record)
		}
		for i, delayed := range []bool{true, true, false} {
			delay, ok := records[i]["delay"].(float64)
			assert.Equal(t, delayed, ok && delay > 0, "the delay before the next attempt")
			delete(records[i], "delay")
		}
		record := func(level string, attempt, status float64, id, reason string) map[string]any {
			r := map[string]any{"level": level, "msg": "twilio conversations", "operation": "fetchConversation",
				"host": "conversations.twilio.com", "attempt": attempt, "status": status, "duration": 0.0, "request_id": id}
			if reason != "" {
				r["reason"] = reason
			}
			return r
		}
		assert.Equal(t, []map[string]any{
			record("WARN", 1, 503, requestID, "503 Service Unavailable"),
			record("WARN", 2, 0, "", "connection reset"),
			record("DEBUG", 3, 200, requestID, ""),
		}, records)
	})
}

func TestSilentByDefault(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	_, err := newClient(t, newScript(t, answer(404, "", ""))).Conversations.Fetch(t.Context(), "order-1234")
	require.Error(t, err)
	assert.Empty(t, log.String())
}
