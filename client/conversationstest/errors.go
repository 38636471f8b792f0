package conversationstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is a response before it is written.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// apiError is the body of a failure, as Twilio shapes it.
type apiError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`

	allow []string // the header Allow
}

func (e *apiError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

func (e *apiError) answer() answer {
	a := jsonAnswer(e.Status, e)
	if e.allow != nil {
		a.header.Set("Allow", strings.Join(e.allow, ", "))
	}
	return a
}

// fail makes an error with one of the codes of https://www.twilio.com/docs/api/errors.
func fail(status, code int, format string, args ...any) *apiError {
	return &apiError{
		Code:     code,
		Message:  fmt.Sprintf(format, args...),
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
		Status:   status,
	}
}

// invalid is the error for what has no code of its own.
func invalid(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, 20001, format, args...)
}

func notFound(path string) *apiError {
	return fail(http.StatusNotFound, 20404, "The requested resource %s was not found", path)
}

func unauthorized(message, detail string) *apiError {
	e := fail(http.StatusUnauthorized, 20003, "%s", message)
	e.Detail = detail
	return e
}

// jsonAnswer renders v without the escapes that encoding/json adds for HTML.
func jsonAnswer(status int, v any) answer {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // only values of this package's own types are rendered
	}
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:   bytes.TrimSuffix(buf.Bytes(), []byte("\n")),
	}
}
