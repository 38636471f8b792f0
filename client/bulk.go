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
	// DefaultBulkRate is the default number of actions that [ForEach] starts in a second. It is
	// Twilio's limit on creates and deletes together in a Conversation Service.
	//
	// See https://www.twilio.com/docs/conversations/conversations-limits
	DefaultBulkRate    = 30
	defaultBulkWorkers = 16
	maxBulkFailures    = 1000
)

// BulkParams sets how [ForEach] works. The zero value is right for deletes in one service.
type BulkParams struct {
	// Rate is the number of actions a second that the server permits. It must not be negative; the
	// default is DefaultBulkRate. Actions start at even intervals, 4 % below the limit. The margin
	// absorbs network jitter, so no one-second window exceeds the limit.
	//
	// Twilio counts creates and deletes by service, but updates by conversation: closing many may
	// go faster.
	Rate float64
	// Workers is the maximum number of actions in progress. It must not be negative; the default is
	// 16.
	Workers int
	// Progress, if set, is called after each action, whether it succeeded or failed. It is called
	// in the goroutine of the action, one call at a time. Other actions wait for it to return.
	Progress func(BulkProgress)
}

// BulkProgress is the progress of [ForEach].
type BulkProgress struct {
	// Succeeded and Failed are the numbers of actions so far.
	Succeeded, Failed int
	// Conversation is the conversation of the action that has just ended.
	Conversation *Conversation
	// Err is what that action returned, nil if it succeeded.
	Err error
}

// BulkResult is what [ForEach] has done.
type BulkResult struct {
	// Succeeded and Failed are the numbers of actions.
	Succeeded, Failed int
	// Failures are the first failures, at most 1,000. BulkParams.Progress sees all of them.
	Failures []BulkFailure
}

// BulkFailure is the failure of an action.
type BulkFailure struct {
	// SID is the SID of the conversation.
	SID string
	// Err is what the action returned.
	Err error
}

// ForEach calls action for each conversation of a sequence, such as [Conversations.List] and
// [Conversations.Scan] return, several at once and at a limited rate. An action that fails is
// counted and recorded, and the others continue:
//
//	closed := c.Conversations.Scan(ctx, client.ScanParams{State: client.StateClosed})
//	result, err := client.ForEach(ctx, closed,
//		func(ctx context.Context, conv *client.Conversation) error {
//			return c.Conversations.Delete(ctx, conv.SID)
//		}, client.BulkParams{})
//
// An action must use the context that it is given. When the response to a call with that context is
// a 429 (too many requests), the call is retried, up to twice as many times as otherwise. The next
// action waits for a second, and later ones start at 0.7 times the rate before. Each second, 1/40
// of Rate is added again.
//
// ForEach returns when all actions that it started have ended. Its error says why it did not reach
// every conversation: the error of the sequence, or of the context, whose end also reaches the
// actions in progress. The failures of actions are in the result only. A nil sequence or action is
// reported as a [*ParamError]. The memory that ForEach takes does not grow with the sequence.
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

// errActionEnded is the error of an action that ended its goroutine, as t.FailNow does in a test.
var errActionEnded = errors.New("the action ended its goroutine")
