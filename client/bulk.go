package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"sync"
)

const (
	// DefaultBulkRate is how many actions [ForEach] begins in a second unless [BulkParams] says
	// otherwise: what Twilio allows of creates and deletes together in a Conversation Service.
	//
	// See https://www.twilio.com/docs/conversations/conversations-limits
	DefaultBulkRate    = 30
	defaultBulkWorkers = 16
	maxBulkFailures    = 1000
)

// BulkParams says how [ForEach] works. The zero value is right for deletes in one service.
type BulkParams struct {
	// Rate is how many actions a second the server permits. It must not be negative; the default is
	// DefaultBulkRate. Actions start at even intervals, 4 % below the limit: the margin absorbs network
	// jitter, so that no one-second window exceeds it. Twilio counts creates and deletes by service, but
	// updates by conversation: closing many may go faster.
	Rate float64
	// Workers is the maximum number of actions in progress. It must not be negative; the default is 16.
	Workers int
	// Progress, if set, is called after each action, also when it failed. It is called by the goroutine of
	// the action, one call at a time, and holds up the others.
	Progress func(BulkProgress)
}

// BulkProgress is how far [ForEach] has come.
type BulkProgress struct {
	// Succeeded and Failed are how many actions did, so far.
	Succeeded, Failed int
	// Conversation is the one that an action has just ended for, and Err the failure of that action, nil
	// if it succeeded.
	Conversation *Conversation
	Err          error
}

// BulkResult is what [ForEach] has done.
type BulkResult struct {
	// Succeeded and Failed are how many actions did.
	Succeeded, Failed int
	// Failures are the first failures, at most 1,000. BulkParams.Progress sees all of them.
	Failures []BulkFailure
}

// BulkFailure is the failure of an action.
type BulkFailure struct {
	// SID is the conversation's.
	SID string
	// Err is what the action returned.
	Err error
}

// ForEach calls action for each conversation of a sequence, such as [Conversations.List] and
// [Conversations.Scan] return, several at once and at a limited rate. An action that fails is counted and
// noted, and the others go on:
//
//	result, err := client.ForEach(ctx, c.Conversations.Scan(ctx, client.ScanParams{State: client.StateClosed}),
//		func(ctx context.Context, conv *client.Conversation) error {
//			return c.Conversations.Delete(ctx, conv.SID)
//		}, client.BulkParams{})
//
// An action must use the context it is given. When a call with that context gets the response that there are
// too many requests (429), the call itself retries, with twice as many attempts as otherwise. The next
// action waits for a second, and those after it start at seven tenths of the rate before. Each second a
// fortieth of Rate is added again.
//
// ForEach returns when all actions that have started have ended. Its error says why not all conversations of
// the sequence had their turn: the error of the sequence, or of the context, whose end also reaches the actions
// in progress. Failures of actions are in the result alone. A missing sequence or action is a
// [*ParamError]. The memory that ForEach takes does not grow with the sequence.
func ForEach(ctx context.Context, conversations iter.Seq2[*Conversation, error], action func(context.Context, *Conversation) error, params BulkParams) (result BulkResult, err error) {
	if conversations == nil {
		return result, &ParamError{Param: "conversations", Reason: "must not be nil"}
	}
	if action == nil {
		return result, &ParamError{Param: "action", Reason: "must not be nil"}
	}
	if !(params.Rate >= 0) || math.IsInf(params.Rate, 0) {
		return result, &ParamError{Param: "Rate", Reason: "must be a positive number, or 0 for the default"}
	}
	if params.Workers < 0 {
		return result, &ParamError{Param: "Workers", Reason: "must be positive, or 0 for the default"}
	}
	rate := cmp.Or(params.Rate, DefaultBulkRate)
	pace := &pace{most: rate}
	workers := make(chan struct{}, cmp.Or(params.Workers, defaultBulkWorkers))
	actionCtx := onRateLimit(ctx, pace.limited)
	var running sync.WaitGroup
	defer running.Wait() // then the result is complete; also if the sequence panics
	var mu sync.Mutex
	for conv, err := range conversations {
		if err == nil {
			err = pace.wait(ctx, workers)
		}
		if err != nil {
			return result, err
		}
		running.Go(func() {
			defer func() { <-workers }()
			err := errActionEnded
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					result.Succeeded++
				} else if result.Failed++; result.Failed <= maxBulkFailures {
					result.Failures = append(result.Failures, BulkFailure{conv.SID, err})
				}
				if params.Progress != nil {
					params.Progress(BulkProgress{result.Succeeded, result.Failed, conv, err})
				}
			}()
			err = action(actionCtx, conv)
		})
	}
	return result, nil
}

// errActionEnded stands for an action that did not return, as one does not that fails a test.
var errActionEnded = errors.New("the action ended its goroutine")
