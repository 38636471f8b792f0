package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/twilio-conversations-go/conversations/api/json"
	"github.com/twilio-conversations-go/conversations/gen"
)

// RetryPolicy sets how often and how patiently a call is retried. Which failures are retried is not
// configurable, see the package documentation.
//
// If a response has a Retry-After header, the delay is at least that long, plus a random part of up
// to MinDelay. If it is longer than MaxDelay, or the context would end before, the error is
// returned at once with [Error.RetryAfter].
type RetryPolicy struct {
	// MaxAttempts is the maximum number of attempts, including the first. The default is 4; 1 turns
	// retries off.
	MaxAttempts int
	// MinDelay is the delay after the first attempt. The default is 500 ms. The delay doubles with
	// each attempt; a random part of up to half of it is subtracted.
	MinDelay time.Duration
	// MaxDelay is the maximum delay. The default is 30 s, or MinDelay if that is longer.
	MaxDelay time.Duration
	// Budget is the maximum number of retries that all calls of a client make in a row without a
	// success. The default is 100. It keeps a fleet from multiplying the load of a server that is
	// down.
	//
	// A successful call gives back the retries it used, and a fifth of a retry.
	// While the budget is empty, failures are returned at once.
	Budget int
}

// complete returns the policy with its defaults filled in, or a *ParamError.
func (p RetryPolicy) complete(param string) (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.MinDelay < 0 || p.MaxDelay < 0 || p.Budget < 0 {
		return p, &ParamError{Param: param, Reason: "fields must not be negative"}
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 4
	}
	if p.MinDelay == 0 {
		p.MinDelay = 500 * time.Millisecond
	}
	if p.MaxDelay == 0 {
		p.MaxDelay = max(30*time.Second, p.MinDelay)
	}
	if p.Budget == 0 {
		p.Budget = 100
	}
	if p.MinDelay > p.MaxDelay {
		return p, &ParamError{Param: param, Reason: "MinDelay must not be longer than MaxDelay"}
	}
	return p, nil
}

// delay returns how long to wait after the given attempt, counted from 1. The server requested to
// wait for retryAfter, 0 if it did not. The random part keeps clients that failed together from
// retrying together.
func (p RetryPolicy) delay(attempt int, retryAfter time.Duration) time.Duration {
	d := p.MaxDelay
	if shift := attempt - 1; shift < 30 && p.MinDelay < p.MaxDelay>>shift {
		d = p.MinDelay << shift
	}
	d -= rand.N(d/2 + 1)
	if retryAfter > d {
		return retryAfter + rand.N(p.MinDelay+1)
	}
	return d
}

// budget is what is left for the retries of all calls, counted in fifths of a retry. See
// [RetryPolicy.Budget].
type budget struct {
	most int64
	left atomic.Int64
}

// retryCost is what a retry takes from the budget. A success returns 1.
const retryCost = 5

func newBudget(retries int) *budget {
	b := &budget{most: retryCost * min(int64(retries), 1<<40)}
	b.left.Store(b.most)
	return b
}

func (b *budget) take() bool {
	if b.left.Add(-retryCost) >= 0 {
		return true
	}
	b.left.Add(retryCost)
	return false
}

func (b *budget) giveBack(n int64) {
	if b.left.Load() < b.most { // concurrent calls may exceed it a little, which does no harm
		b.left.Add(n)
	}
}

// outcome is what is known of an attempt. Each value is a row or rows of the table in the package
// documentation.
type outcome int

const (
	succeeded outcome = iota
	stopped           // a request editor failed
	notSent
	limited    // 429: Twilio does not process a request over the limit
	cutRefusal // another 4xx, cut short: nothing was carried out, and a retry tells Twilio's code
	unknown    // 408, 500, 502, 503, 504; no response; a success response that is cut short
	refused    // any other 4xx
	failed     // any other status; a success response that is malformed or of another request
)

// rules say for each outcome whether the call is retried, and whether the request may have been
// carried out. A call whose outcome is unknown is retried only if it is repeatable.
var rules = [...]struct{ retry, unclear bool }{
	stopped:    {false, false},
	notSent:    {true, false},
	limited:    {true, false},
	cutRefusal: {true, false},
	unknown:    {true, true},
	refused:    {false, false},
	failed:     {false, true},
}

func (a *attempt) outcome(err error) outcome {
	switch {
	case err == nil:
		return succeeded
	case !a.edited:
		return stopped
	case !a.responded:
		if a.neverSent() {
			return notSent
		}
		return unknown
	}
	switch a.status {
	case http.StatusTooManyRequests:
		return limited
	case http.StatusRequestTimeout, 500, 502, 503, 504:
		return unknown
	case a.call.op.success:
		if a.cut != nil || errors.Is(err, io.ErrUnexpectedEOF) {
			return unknown
		}
		return failed
	}
	switch {
	case a.status/100 != 4:
		return failed
	case a.cut != nil:
		return cutRefusal
	}
	return refused
}

// do makes the attempts of a call. Its error describes the last response.
func (c *Client) do(ctx context.Context, call *call, send func(context.Context, *gen.ClientWithResponses) error) *Error {
	if ctx.Err() != nil {
		e := call.error(nil, call.foreign(contextError(ctx)))
		call.respond(nil, 0)
		return e
	}
	unclear, retries := false, int64(0)
	for attempts := 1; ; attempts++ {
		began := time.Now()
		a, err := c.try(ctx, call, send)
		took := time.Since(began)
		if !a.edited {
			attempts--
		}
		call.respond(a, attempts)
		outcome := a.outcome(err)
		if outcome == succeeded {
			c.budget.giveBack(retries*retryCost + 1)
			c.log(ctx, a, attempts, took, 0, nil)
			return nil
		}
		unclear = unclear || rules[outcome].unclear
		e := call.error(a, a.cause(ctx, err, outcome))
		e.Attempts, e.Unclear = attempts, unclear && call.op.changes

		counted, slowedDown := attempts, outcome == limited && reportRateLimit(ctx)
		if slowedDown && call.op.changes && call.retry.MaxAttempts > 1 {
			counted = attempts / 2 // the bulk job slows down, so it is worth making twice as many attempts
		}
		again := rules[outcome].retry && counted < call.retry.MaxAttempts && (!unclear || call.repeatable)
		delay := call.retry.delay(max(attempts, 1), e.RetryAfter)
		deadline, bounded := ctx.Deadline()
		switch {
		case !again:
		case ctx.Err() != nil:
			again, e.cause = false, call.foreign(contextError(ctx))
		case e.RetryAfter > call.retry.MaxDelay, bounded && time.Until(deadline) <= delay:
			again = false
		case !slowedDown && !c.budget.take():
			again, e.spent = false, true
		case !slowedDown:
			retries++
		}
		if !again {
			delay = 0
		}
		c.log(ctx, a, attempts, took, delay, e)
		if !again {
			return e
		}

		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			ended := call.foreign(contextError(ctx))
			if e.cause != nil {
				ended = newForeign(fmt.Sprintf("%v; before that: %v", ended, e.cause), errors.Join(ended, e.cause))
			}
			e.cause = ended
			return e
		}
		if unclear && call.pin != nil {
			proceed, end := call.pin(ctx, e)
			if !proceed {
				return end
			}
			call.pin = nil // from now on the conversation is addressed by its SID
		}
	}
}

// try makes one attempt, within the attempt timeout.
func (c *Client) try(ctx context.Context, call *call, send func(context.Context, *gen.ClientWithResponses) error) (*attempt, error) {
	if c.suspect.Swap(false) {
		c.httpClient.CloseIdleConnections()
	}
	tryCtx, cancel := context.WithTimeout(context.WithValue(ctx, operationKey{}, call.operationID), call.attemptTimeout)
	defer cancel()
	a, generated := c.newAttempt(tryCtx, call)
	err := send(tryCtx, generated)
	switch {
	case err == nil:
	case errors.Is(err, errMismatch):
		c.httpClient.CloseIdleConnections() // one of them may be out of step by a response
	case tryCtx.Err() != nil && ctx.Err() == nil && c.ownTransport:
		c.suspect.Store(true) // the connection may be dead: the next attempt opens a new one
	}
	return a, err
}

// cause returns why an attempt failed, nil if its response says it all.
func (a *attempt) cause(ctx context.Context, err error, outcome outcome) error {
	switch {
	case outcome == stopped && ctx.Err() == nil:
		return newForeign(brief(a.redact.text(err.Error(), "a request editor failed with an error too long to be repeated")), err)
	case a.responded && a.status == 0, a.status != 0 && a.status != a.call.op.success && a.status < 400:
		return errStatus
	case a.responded && a.status != a.call.op.success:
		return nil // whatever ended afterwards, the response came first
	case ctx.Err() != nil && outcome != failed:
		return a.call.foreign(contextError(ctx))
	case a.ctx.Err() == context.DeadlineExceeded && outcome != failed:
		return newForeign(fmt.Sprintf("timeout: no complete response within %v", a.call.attemptTimeout), errors.Join(context.DeadlineExceeded, err))
	case a.cut != nil:
		return newForeign("the response is cut short: "+words(a.cut), err)
	case !a.responded:
		return newForeign(words(err), err)
	case outcome == unknown:
		return newForeign("the response is cut short", err)
	case is[fault](err):
		return err
	case errors.Is(err, json.ErrTooManyItems):
		return newForeign(fmt.Sprintf("%v: %v", errMalformed, json.ErrTooManyItems), err)
	}
	return newForeign(string(errMalformed), err)
}

// foreign returns the end of the caller's context as an error that can be repeated.
func (call *call) foreign(err error) error {
	return newForeign(redactor{names: call.names}.text(err.Error(), "the context has ended"), err)
}

// respond stores the response of an attempt for [WithResponse].
func (call *call) respond(a *attempt, attempts int) {
	if call.response == nil {
		return
	}
	*call.response = Response{Attempts: attempts}
	if a != nil {
		call.response.StatusCode, call.response.Header, call.response.RequestID = a.status, a.header, requestID(a.header)
	}
}
