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
// answer; where there was none, Status is 0 and errors.Is and errors.As find the cause, such as
// context.Canceled. It holds no credential, and its text no unique name.
type Error struct {
	// Operation is the operationId of the request, such as createConversation.
	Operation string
	// Status is the HTTP status, 0 where no answer was received.
	Status int
	// Code is Twilio's error code, 0 where there is none.
	// See https://www.twilio.com/docs/api/errors
	Code int
	// Message is Twilio's description of the error, in which the unique names of the call are replaced by
	// {UniqueName}.
	Message string
	// MoreInfo is the URL of the page that explains the code.
	MoreInfo string
	// RequestID is the header Twilio-Request-Id, which Twilio's support asks for.
	RequestID string
	// RetryAfter is how long the server asked to wait, 0 where it did not say.
	RetryAfter time.Duration
	// Attempts is how many times the request was tried, 0 if it never came to that.
	Attempts int
	// Unclear tells that the operation may have been carried out all the same: an attempt was sent and
	// its outcome never learnt. It is not set for Fetch and List, which change nothing.
	Unclear bool
	// Cursor resumes a List that failed: it stands for the page that is missing.
	Cursor Cursor

	cause error
	began time.Time // the beginning of the call by the server's clock, zero if unknown
}

// Error describes the failure in a line: operation, status, message, code, request id, attempts, and
// for a change whether it may have been carried out.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d", e.Status)
		if text := http.StatusText(e.Status); text != "" {
			b.WriteString(" " + text)
		}
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", strings.Map(printable, e.Message))
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
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
	if len(details) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(details, ", "))
	}
	switch {
	case e.Is(ErrMaybeCreated):
		b.WriteString("; " + ErrMaybeCreated.Error())
	case e.Unclear:
		b.WriteString("; it may have been carried out")
	case strings.HasPrefix(e.Operation, verbCreate):
		b.WriteString("; no conversation was created")
	}
	return b.String()
}

// printable keeps the text of an error in one line, whatever a server sends.
func printable(r rune) rune {
	if r < ' ' || 0x7f <= r && r < 0xa0 {
		return ' '
	}
	return r
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
		return e.Unclear && strings.HasPrefix(e.Operation, verbCreate)
	}
	return false
}

// Unwrap returns the cause where the failure has one besides the answer.
func (e *Error) Unwrap() error { return e.cause }

// LogValue is what slog records of the error: no message, in which a server may repeat anything.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("operation", e.Operation),
		slog.Int("status", e.Status),
		slog.Int("code", e.Code),
		slog.String("request_id", e.RequestID),
		slog.Int("attempts", e.Attempts),
		slog.Bool("unclear", e.Unclear))
}

// ParamError is a parameter that cannot be right. It is found before anything is sent, and does not
// quote the value.
type ParamError struct {
	// Param is the parameter, by Twilio's name where it has one, such as Timers.Closed.
	Param string
	// Reason says what it should be.
	Reason string
}

// Error names the parameter and says what it should be.
func (e *ParamError) Error() string { return fmt.Sprintf("%s: %s", e.Param, e.Reason) }

// Twilio's error codes that decide what the client does.
// See https://www.twilio.com/docs/api/errors
const (
	codeNameTaken    = 50353 // Conversation with provided unique name already exists
	codeClosed       = 50377 // Can't update conversation as it's in final closed state
	codeModification = 50391 // Conflicting conversation modification
)
