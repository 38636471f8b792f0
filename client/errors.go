package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// The errors that a failed call can match, for errors.Is.
var (
	// ErrNotFound means that there is no such conversation or service (404).
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized means that the credentials are wrong, or belong to another region (401).
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden means that the credentials do not allow the operation, or that a webhook refused
	// the change (403; the code is 50056 then).
	ErrForbidden = errors.New("forbidden")
	// ErrConflict means that the unique name is taken (code 50353), or that another change is in
	// progress (409).
	ErrConflict = errors.New("conflict")
	// ErrRateLimited means that there were too many requests (429). The request was not carried
	// out.
	ErrRateLimited = errors.New("rate limited")
	// ErrClosed means that the conversation is closed for good and cannot be updated (code 50377).
	ErrClosed = errors.New("conversation closed")
	// ErrMaybeCreated means that a failed Create may have created the conversation: its outcome is
	// unknown. To find out, fetch it by its unique name, or list what was created since.
	ErrMaybeCreated = errors.New("the conversation may have been created")
)

// Error is the failure of a call, after the retries that were safe. Its fields describe the last
// response. If there was no response, Status is 0 and errors.Is and errors.As find the cause, such
// as context.Canceled.
//
// An Error never wraps another Error. If another call failed and ended the context of this one,
// that other failure is not found in this Error.
//
// An Error contains no credentials, and its text contains no unique name of the call. The text is
// at most about 1 KiB.
type Error struct {
	// Operation is the operationId of the request, such as createConversation.
	Operation string
	// SID is the SID of the conversation. It is empty if the call addresses none, or addresses it
	// by unique name.
	SID string
	// Status is the HTTP status, from 200 to 599. It is 0 if there was no such response.
	Status int
	// Code is Twilio's error code. It is 0 if the response has none. See
	// https://www.twilio.com/docs/api/errors
	Code int
	// Message is Twilio's description of the error: at most 1 KiB of printable text. The unique
	// names of the call are replaced by {UniqueName}.
	Message string
	// MoreInfo is the URL of Twilio's page about the code.
	MoreInfo string
	// RequestID is the header Twilio-Request-Id, RQ and 32 hexadecimal digits, or "". Twilio's
	// support asks for it.
	RequestID string
	// RetryAfter is the delay that the server requested, 0 if it requested none.
	RetryAfter time.Duration
	// Attempts is the number of attempts made, 0 if nothing was sent.
	Attempts int
	// Unclear reports whether the operation may have been carried out although the call failed: the
	// outcome of an attempt is unknown. Fetch and List, which change nothing, do not set it.
	Unclear bool
	// Cursor resumes a List that failed, at the page that is missing.
	Cursor Cursor

	named bool // the conversation is addressed by its unique name
	host  string
	spent bool // the retry budget is spent
	cause error
}

// error returns the error of a call. The last attempt is a, nil if there was none.
func (call *call) error(a *attempt, cause error) *Error {
	e := &Error{Operation: *call.operationID, SID: call.sid, named: call.named, cause: cause}
	if a != nil {
		e.Status, e.RequestID, e.host = a.status, requestID(a.header), a.client.host
		e.Code, e.Message, e.MoreInfo, e.RetryAfter = a.refusal.code, a.refusal.message, a.refusal.moreInfo, a.refusal.retryAfter
	}
	return e
}

// reason says why the call failed, in a few words.
func (e *Error) reason() string {
	if e.cause != nil {
		return brief(e.cause.Error())
	}
	return statusText(e.Status)
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// Error describes the failure in one line: operation, conversation, status, message, code, request
// id and attempts, and whether a change may have been carried out.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	if e.SID != "" {
		b.WriteString(" " + e.SID)
	} else if e.named {
		b.WriteString(" {UniqueName}")
	}
	if e.Status != 0 {
		b.WriteString(": " + statusText(e.Status))
	}
	if e.Message != "" {
		b.WriteString(": " + brief(printable(e.Message)))
	}
	if e.cause != nil {
		b.WriteString(": " + brief(e.cause.Error()))
	}
	var details []string
	if e.Code != 0 {
		details = append(details, fmt.Sprintf("code %d", e.Code))
	}
	if e.RequestID != "" {
		details = append(details, "request "+e.RequestID)
	}
	if e.Attempts > 1 {
		details = append(details, fmt.Sprintf("%d attempts", e.Attempts))
	}
	if e.RetryAfter > 0 {
		details = append(details, fmt.Sprintf("retry after %v", e.RetryAfter))
	}
	if e.spent {
		details = append(details, "not retried: the retry budget is spent")
	}
	if len(details) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(details, ", "))
	}
	if e.Status == http.StatusUnauthorized && e.host != "" {
		fmt.Fprintf(&b, "; %s does not accept the credentials, which belong to one region (WithRegion)", e.host)
	}
	switch {
	case e.Is(ErrMaybeCreated):
		b.WriteString("; " + ErrMaybeCreated.Error())
	case e.Unclear:
		b.WriteString("; it may have been carried out")
	case createConversation.is(e.Operation):
		b.WriteString("; no conversation was created")
	}
	return b.String()
}

// Is reports whether target is an error of this package that describes e.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrConflict:
		return e.Status == http.StatusConflict
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrClosed:
		return e.Code == codeClosed
	case ErrMaybeCreated:
		return e.Unclear && createConversation.is(e.Operation)
	}
	return false
}

// Unwrap returns the cause of the failure if it is not the response.
func (e *Error) Unwrap() error { return e.cause }

// LogValue returns what package log/slog records of the error. The message is left out, since a
// server may repeat anything in it.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("operation", e.Operation),
		slog.String("sid", e.SID),
		slog.Int("status", e.Status),
		slog.Int("code", e.Code),
		slog.String("request_id", e.RequestID),
		slog.Int("attempts", e.Attempts),
		slog.Bool("unclear", e.Unclear),
		slog.String("reason", e.reason()))
}

// ParamError is an invalid parameter. It is found before anything is sent, and does not quote the
// value.
type ParamError struct {
	// Param is the parameter as the caller wrote it, such as ClosedAfter.
	Param string
	// Field is Twilio's name of the parameter if it differs, such as Timers.Closed.
	Field string
	// Reason says what to do.
	Reason string
}

// Error names the parameter and says what to do.
func (e *ParamError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s (%s): %s", e.Param, e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: %s", e.Param, e.Reason)
}

// codeClosed is Twilio's code for an update of a closed conversation.
//
// See https://www.twilio.com/docs/api/errors/50377
const codeClosed = 50377
