package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// RetryPolicy says how often and how patiently a call is tried. Which failures are tried again is
// not configurable: it follows from what is safe, see the package documentation.
type RetryPolicy struct {
	// MaxAttempts is how many times a request is tried at the most, the first included: 4 by default,
	// 1 turns retries off.
	MaxAttempts int
	// MinDelay is the delay after the first attempt, 500 ms by default. It doubles with each attempt, and
	// a random part of up to a half is taken off.
	MinDelay time.Duration
	// MaxDelay caps the delays, 30 s by default. A server that asks with Retry-After to wait for longer
	// has its answer returned at once.
	MaxDelay time.Duration
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 4
	}
	if p.MinDelay == 0 {
		p.MinDelay = 500 * time.Millisecond
	}
	if p.MaxDelay == 0 {
		p.MaxDelay = max(30*time.Second, p.MinDelay)
	}
	return p
}

// backoff is the delay after the given attempt, counted from 1.
func (p RetryPolicy) backoff(attempt int) time.Duration {
	d := p.MaxDelay
	if shift := attempt - 1; shift < 30 && p.MinDelay < p.MaxDelay>>shift {
		d = p.MinDelay << shift
	}
	return d - rand.N(d/2+1)
}

// do makes the attempts of a call. Its error is nil or an *Error that describes the last answer.
func (c *Client) do(ctx context.Context, call *call, send func(context.Context) error) error {
	if err := contextError(ctx); err != nil {
		return &Error{Operation: call.operation, cause: err}
	}
	unclear := false
	callBegan := time.Now()
	for attempts := 1; ; attempts++ {
		a := &attempt{call: call}
		began := time.Now()
		err := c.try(ctx, a, send)
		c.log(ctx, a, attempts, time.Since(began), err)
		if !a.dispatched {
			attempts--
		}
		if call.response != nil {
			*call.response = Response{StatusCode: a.status, Header: a.header, RequestID: requestID(a.header), Attempts: attempts}
		}
		if err == nil {
			return nil
		}

		most := c.retry.MaxAttempts
		if a.status == http.StatusTooManyRequests && reportRateLimit(ctx) && call.changes && most > 1 {
			most = 2 * min(most, math.MaxInt/2)
		}
		maybeDone, again := a.judge(err)
		unclear = unclear || maybeDone
		e := a.describe(err, callBegan)
		e.Attempts, e.Unclear = attempts, unclear && call.changes
		if !again || attempts >= most || unclear && !call.repeatable {
			return e
		}
		if ended := contextError(ctx); ended != nil {
			e.cause = ended
			return e
		}

		delay := max(c.retry.backoff(attempts), e.RetryAfter)
		if deadline, ok := ctx.Deadline(); delay > c.retry.MaxDelay || ok && time.Until(deadline) <= delay {
			return e
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			e.cause = contextError(ctx)
			if a.status == 0 {
				e.cause = fmt.Errorf("%w; before that: %w", e.cause, err)
			}
			return e
		}
	}
}

// try makes one attempt, within the time that an attempt may take.
func (c *Client) try(ctx context.Context, a *attempt, send func(context.Context) error) error {
	tryCtx, cancel := context.WithTimeout(context.WithValue(ctx, attemptKey{}, a), c.attemptTimeout)
	defer cancel()
	err := send(tryCtx)
	switch {
	case err == nil:
		return nil
	case a.status != 0 && a.status != a.call.success:
		return err // the answer came first
	case ctx.Err() != nil:
		return contextError(ctx)
	case tryCtx.Err() != nil:
		return fmt.Errorf("no complete answer within %v: %w", c.attemptTimeout, tryCtx.Err())
	}
	return err
}

// judge tells what an attempt that failed may have done, and whether another one can help.
func (a *attempt) judge(err error) (maybeDone, again bool) {
	switch {
	case !a.dispatched:
		return false, false // a request editor, such as one for authentication, stopped it
	case a.status == 0:
		// Nothing was sent if the transport asked for a connection and got none. A transport that
		// does not report on connections leaves it unclear.
		neverSent := a.connecting.Load() && !a.connected.Load()
		return !neverSent, true
	case a.status == a.call.success:
		// It was carried out; the answer is cut short, or is no answer to this.
		return true, a.readErr != nil || errors.Is(err, io.ErrUnexpectedEOF)
	case a.status == http.StatusTooManyRequests:
		return false, true // Twilio: a request over the limit is not processed
	case a.status == 500, a.status == 502, a.status == 503, a.status == 504:
		return true, true
	default:
		return a.status < 400 || a.status > 500, a.readErr != nil
	}
}

// describe returns the error of an attempt, as the caller sees it. An *Error that err wraps is of another
// call, such as the one that ended the context.
func (a *attempt) describe(err error, callBegan time.Time) *Error {
	e := a.refused
	if e == nil {
		e = &Error{cause: err}
	}
	e.Operation, e.Status, e.RequestID = a.call.operation, a.status, requestID(a.header)
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		// The server's clock when it answered, to the second below, less the time since.
		e.began = date.Add(-a.answered.Sub(callBegan)).Truncate(time.Second)
	}
	return e
}

func requestID(h http.Header) string { return h.Get("Twilio-Request-Id") }

func (c *Client) log(ctx context.Context, a *attempt, attempts int, took time.Duration, err error) {
	level := slog.LevelDebug
	if err != nil {
		level = slog.LevelWarn
	}
	c.logger.LogAttrs(ctx, level, "twilio conversations",
		slog.String("operation", a.call.operation),
		slog.Int("attempt", attempts),
		slog.Int("status", a.status),
		slog.Duration("duration", took),
		slog.String("request_id", requestID(a.header)))
}

// contextError is why the context has ended, nil if it has not: its error and, where the caller gave
// one, its cause.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
