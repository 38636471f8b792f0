package client

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// log records an attempt, and the delay before the next one if it is retried. What a program may
// expect is not a warning: the conversation does not exist, its name is taken, or the program
// itself gave up.
func (c *Client) log(ctx context.Context, a *attempt, attempts int, took, delay time.Duration, e *Error) {
	level := slog.LevelDebug
	if e != nil && ctx.Err() == nil && a.status != http.StatusNotFound && a.status != http.StatusConflict {
		level = slog.LevelWarn
	}
	if !c.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", *a.call.operationID),
		slog.String("host", c.host),
		slog.Int("attempt", attempts),
		slog.Int("status", a.status),
		slog.Duration("duration", took),
		slog.String("request_id", requestID(a.header)),
	}
	if e != nil {
		attrs = append(attrs, slog.String("reason", e.reason()))
	}
	if delay > 0 {
		attrs = append(attrs, slog.Duration("delay", delay))
	}
	c.logger.LogAttrs(ctx, level, "twilio conversations", attrs...)
}
