package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// What an error of a call may be, for errors.Is.
var (
	// ErrNotFound: there is no such conversation or service (404).
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: the credentials are wrong, or belong to another region (401).
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the credentials do not allow the operation (403).
	ErrForbidden = errors.New("forbidden")
	// ErrConflict: the unique name is taken (409, Error.Code 50353), or another change is in progress.
	ErrConflict = errors.New("conflict")
	// ErrRateLimited: too many requests; this one was not carried out (429).
	ErrRateLimited = errors.New("rate limited")
	// ErrClosed: the conversation is closed, for good, and cannot be updated (code 50377).
	ErrClosed = errors.New("conversation closed")
	// ErrMaybeCreated: Create failed in a way that does not tell whether the conversation was created.
	// To find out, fetch it by its unique name, or list what was created since.
	ErrMaybeCreated = errors.New("the conversation may have been created")
)

// Error is the failure of a call, after the retries that were safe. Its fields describe the last
// response. If there was none, Status is 0 and errors.Is and errors.As find the cause, such as
// context.Canceled. An Error never wraps another one: what other calls failed with, for example the one whose
// error ended the context, says nothing about this call. An Error holds no credential, and its text no
// unique name. The text is at most about 1 KiB.
type Error struct {
	// Operation is the operationId of the request, such as createConversation.
	Operation string
	// SID is the SID of the conversation, "" if the call does not address one, or does so by unique name.
	SID string
	// Status is the HTTP status from 200 to 599, 0 if there was no such response.
	Status int
	// Code is Twilio's error code, 0 if there is none.
	// See https://www.twilio.com/docs/api/errors
	Code int
	// Message is Twilio's description of the error, at most 1 KiB of printable text, in which the unique
	// names of the call are replaced by {UniqueName}.
	Message string
	// MoreInfo is the URL of Twilio's page on the code.
	MoreInfo string
	// RequestID is the header Twilio-Request-Id, which Twilio's support asks for: RQ and 32 hexadecimal
	// digits, or "".
	RequestID string
	// RetryAfter is how long the server requested to wait, 0 if it did not.
	RetryAfter time.Duration
	// Attempts is how many attempts were made, 0 if nothing came to be sent.
	Attempts int
	// Unclear reports whether the operation may have been carried out all the same: the outcome of an attempt
	// is unknown. It is not set for Fetch and List, which change nothing.
	Unclear bool
	// Cursor resumes a List that failed: it stands for the page that is missing.
	Cursor Cursor

	named bool // the conversation is addressed by its unique name
	host  string
	spent bool // the retry budget
	cause error
}

// error returns the error of a call whose last attempt is a, nil if there was none.
func (call *call) error(a *attempt, cause error) *Error {
	e := &Error{Operation: *call.operationID, SID: call.sid, named: call.named, cause: cause}
	if a != nil {
		e.Status, e.RequestID, e.host = a.status, requestID(a.header), a.client.host
		e.Code, e.Message, e.MoreInfo, e.RetryAfter = a.refusal.code, a.refusal.message, a.refusal.moreInfo, a.refusal.retryAfter
	}
	return e
}

// reason is why the call failed, in some words.
func (e *Error) reason() string {
	if e.cause != nil {
		return brief(e.cause.Error())
	}
	return statusText(e.Status)
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// Error describes the failure in a line: operation, conversation, status, message, code, request id,
// attempts, and for a change whether it may have been carried out.
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

// Is reports whether target is one of the errors of this package that describes e.
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

// Unwrap returns the cause where the failure has one besides the answer.
func (e *Error) Unwrap() error { return e.cause }

// LogValue is what slog records of the error: no message, in which a server may repeat anything.
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

// ParamError is an invalid parameter. It is found before anything is sent, and does not quote the value.
type ParamError struct {
	// Param is the parameter as the caller wrote it, such as ClosedAfter.
	Param string
	// Field is Twilio's name of it where that differs, such as Timers.Closed.
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

// Twilio's error code that decides what the client does.
// See https://www.twilio.com/docs/api/errors
const (
	codeClosed = 50377 // Can't update conversation as it's in final closed state
)
