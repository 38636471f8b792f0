package conversationstest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// apiError is the body of an error response, in Twilio's form.
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

// fail returns an error with a code of https://www.twilio.com/docs/api/errors. Its text is the
// code's title there, without the leading product name, if the title is known.
func fail(status, code int, format string, args ...any) *apiError {
	return &apiError{
		Code:     code,
		Message:  fmt.Sprintf(format, args...),
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
		Status:   status,
	}
}

var (
	errWriteLimit    = fail(http.StatusTooManyRequests, 50063, "Actions per second limit exceeded")
	errNameTaken     = fail(http.StatusConflict, 50353, "Conversation with provided unique name already exists")
	errCreatedClosed = fail(http.StatusBadRequest, 50384, "Initial state can't be 'closed'")
	errClosed        = fail(http.StatusBadRequest, 50377, "Can't update conversation as it's in final closed state")
	errInitializing  = fail(http.StatusConflict, 20409, "Can't update conversation as it is initializing")
	errRegion        = fail(http.StatusForbidden, 50385, "Conversations are disabled in this region")
)

// valueErrors maps the key of a parameter and the keyword of the broken rule to the error. An empty
// keyword stands for any rule. What is not listed has the code 20001.
var valueErrors = map[string]map[string]*apiError{
	"ConversationForm.FriendlyName": {"maxLength": badValue(50003, "Friendly name too long")},
	"ConversationForm.UniqueName": {
		"maxLength": badValue(50004, "Unique Name too long"),
		"not":       badValue(50390, "Unique name should not match conversation sid pattern"),
	},
	"ConversationForm.Attributes": {
		"maxLength": badValue(50303, "Attributes too long"),
		"json":      badValue(50304, "Attributes not valid JSON"),
	},
	"ConversationForm.DateCreated":         {"": badValue(50308, "Invalid Date Created parameter")},
	"ConversationForm.DateUpdated":         {"": badValue(50309, "Invalid Date Updated parameter")},
	"ConversationForm.MessagingServiceSid": {"": badValue(50341, "Invalid messaging service SID")},
	"ConversationForm.State": {
		empty: badValue(50374, "'State' field can't be empty"),
		"":    badValue(50378, "'State' parameter value is invalid"),
	},
	"ConversationForm.Timers.Inactive": {
		"minimum": badValue(50375, "TimeToInactive should be greater or equal to 1 minute"),
		"":        badValue(50379, "TimeToInactive format is invalid"),
	},
	"ConversationForm.Timers.Closed": {
		"minimum": badValue(50376, "TimeToClosed should be greater or equal to 10 minutes"),
		"":        badValue(50380, "TimeToClosed format is invalid"),
	},
	"PageSize.PageSize": {"maximum": badValue(20007, "Page size too large")},
}

func badValue(code int, message string) *apiError {
	return fail(http.StatusBadRequest, code, "%s", message)
}

// refusal returns the error for a violation in a request to path.
func refusal(v violation, path string) *apiError {
	switch p := v.parameter; {
	case p != nil && p.where == "path parameter":
		return notFound(path)
	case v.keyword == tooLarge:
		return fail(http.StatusRequestEntityTooLarge, 20413, "Request entity too large")
	case v.keyword == mediaType:
		return fail(http.StatusUnsupportedMediaType, 20001, "%s", v.text)
	case p != nil && v.keyword != repeated && v.keyword != "type":
		for _, keyword := range []string{v.keyword, ""} {
			if err := valueErrors[p.key][keyword]; err != nil {
				return err
			}
		}
	}
	return fail(http.StatusBadRequest, 20001, "%s", v.text)
}

// ignorable reports whether Twilio ignores a violation, and [Lenient] therefore does too.
func ignorable(v violation) bool {
	switch v.keyword {
	case unknown, repeated, superfluous:
		return true
	case empty:
		return v.parameter.where != "path parameter" && v.parameter.key != "ConversationForm.State"
	}
	return false
}

func notFound(path string) *apiError {
	return fail(http.StatusNotFound, 20404, "The requested resource %s was not found", path)
}

func unauthorized(message, detail string) *apiError {
	e := fail(http.StatusUnauthorized, 20003, "%s", message)
	e.Detail = detail
	return e
}
