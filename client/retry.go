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

// RetryPolicy says how often and how patiently a call is tried. Which failures are retried is not
// configurable: it follows from what is safe, see the package documentation.
type RetryPolicy struct {
	// MaxAttempts is the maximum number of attempts, including the first. The default is 4; 1 turns
	// retries off.
	MaxAttempts int
	// MinDelay is the delay after the first attempt, 500 ms by default. It doubles with each attempt, and
	// a random part of up to a half is taken off.
	MinDelay time.Duration
	// MaxDelay caps the delays, 30 s by default. If a server requests a longer one with Retry-After, its
	// response is returned at once.
	MaxDelay time.Duration
	// Budget is how many retries all calls of a client may make in a row without success, 100 by default.
	// It keeps a fleet from multiplying the load of a server that is down. A success returns what its own
	// retries took, and a fifth of a retry. While the budget is empty, failures are returned at once.
	Budget int
}

// complete returns the policy with its defaults, or a *ParamError.
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

// delay is how long to wait after the given attempt, counted from 1, if the server requests to wait for
// retryAfter. Its random part keeps clients that failed together from coming back together.
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

// budget is what retries of all calls take from.
type budget struct {
	most int64
	left atomic.Int64
}

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
	if b.left.Load() < b.most { // what it exceeds that by is as little as there are calls at the moment
		b.left.Add(n)
	}
}

// outcome is what is known of an attempt: a row of the table in the package documentation.
type outcome int

const (
	succeeded outcome = iota
	stopped           // by a request editor
	notSent
	limited    // 429: Twilio does not process a request over the limit
	cutRefusal // a 4xx without its end
	unknown    // 408, 500, 502, 503, 504; no response; a success that is cut short
	refused    // any other 4xx
	failed     // any other status; a success that is malformed or of another request
)

// rules say what follows from an outcome: whether the call is retried, and whether the request may have been
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
			counted = attempts / 2 // since the bulk job slows down, patience pays: twice as many attempts
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
			call.pin = nil // from here on it is addressed by its SID
		}
	}
}

// try makes one attempt, within the time that an attempt may take.
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
		c.httpClient.CloseIdleConnections() // one of them may be a response ahead
	case tryCtx.Err() != nil && ctx.Err() == nil && c.ownTransport:
		c.suspect.Store(true) // the connection may be dead: the next attempt makes a new one
	}
	return a, err
}

// cause is why an attempt failed, besides what its response says.
func (a *attempt) cause(ctx context.Context, err error, outcome outcome) error {
	switch {
	case outcome == stopped && ctx.Err() == nil:
		return newForeign(brief(a.redact.text(err.Error(), "a request editor failed, its error is too long to be told")), err)
	case a.responded && a.status == 0, a.status != 0 && a.status != a.call.op.success && a.status < 400:
		return errStatus
	case a.responded && a.status != a.call.op.success:
		return nil // the response came first
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

// foreign returns an error of the caller's own, the end of its context, as an error of the call repeats it.
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
