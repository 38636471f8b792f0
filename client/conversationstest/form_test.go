package conversationstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFieldsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		form string
		code int
	}{
		"friendly name too long":    {"FriendlyName=" + strings.Repeat("%C3%A9", longestFriendlyName()+1), 50003},
		"unique name of 257":        {"UniqueName=" + strings.Repeat("a", 257), 50004},
		"unique name like a SID":    {"UniqueName=CH0123456789abcdef0123456789abcdef", 50390},
		"unique name like SID 2":    {"UniqueName=CH0123456789ABCDEF0123456789ABCDEF", 50390},
		"attributes above 16 KB":    {"Attributes=%22" + strings.Repeat("a", 16<<10-1) + "%22", 50303},
		"attributes not JSON":       {"Attributes={", 50304},
		"date created":              {"DateCreated=yesterday", 50308},
		"date created without time": {"DateCreated=2026-01-01", 50308},
		"date after year 9999":      {"DateCreated=9999-12-31T23:59:59-01:00", 50308},
		"date before year 0":        {"DateCreated=0000-01-01T00:00:00%2B01:00", 50308},
		"date updated":              {"DateUpdated=2026-02-30T00:00:00Z", 50309},
		"messaging service":         {"MessagingServiceSid=MG1", 50341},
		"date created empty":        {"DateCreated=", 50308},
		"date updated empty":        {"DateUpdated=", 50309},
		"messaging service empty":   {"MessagingServiceSid=", 50341},
		"state empty":               {"State=", 50374},
		"state unknown":             {"State=open", 50378},
		"state initializing":        {"State=initializing", 50378},
		"state in capitals":         {"State=Active", 50378},
		"inactive below a minute":   {"Timers.Inactive=PT59.999S", 50375},
		"closed below ten minutes":  {"Timers.Closed=PT9M59S", 50376},
		"inactive no duration":      {"Timers.Inactive=1h", 50379},
		"closed no duration":        {"Timers.Closed=600", 50380},
		"unknown field":             {"Colour=red", 20001},
		"field in lower case":       {"friendlyname=x", 20001},
		"repeated field":            {"FriendlyName=a&FriendlyName=b", 20001},
		"not UTF-8":                 {"FriendlyName=%ff", 20001},
		"malformed":                 {"FriendlyName=%zz", 20001},
		"semicolon":                 {"FriendlyName=a;UniqueName=b", 20001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, InMemory())
			seed(t, s, Conversation{UniqueName: "there", FriendlyName: "There"})
			before := s.Conversations("")
			for _, path := range []string{"/v1/Conversations", "/v1/Conversations/there"} {
				r := do(t, s, http.MethodPost, path, nil, body(tc.form))
				assert.Equal(t, 400, r.StatusCode)
				assert.Equal(t, tc.code, r.code(), r.text)
			}
			assert.Equal(t, before, s.Conversations(""))
		})
	}
}

// The texts are the titles of Twilio's error dictionary, without the leading product name.
func TestTextsOfErrors(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for form, want := range map[string]string{
		"FriendlyName=" + strings.Repeat("a", longestFriendlyName()+1): "50003 Friendly name too long",
		"UniqueName=" + strings.Repeat("a", 257):                       "50004 Unique Name too long",
		"Attributes=%22" + strings.Repeat("a", 16<<10):                 "50303 Attributes too long",
		"Attributes={":          "50304 Attributes not valid JSON",
		"DateCreated=x":         "50308 Invalid Date Created parameter",
		"DateUpdated=x":         "50309 Invalid Date Updated parameter",
		"MessagingServiceSid=x": "50341 Invalid messaging service SID",
		"State=":                "50374 'State' field can't be empty",
		"State=x":               "50378 'State' parameter value is invalid",
		"Timers.Inactive=PT1S":  "50375 TimeToInactive should be greater or equal to 1 minute",
		"Timers.Closed=PT1S":    "50376 TimeToClosed should be greater or equal to 10 minutes",
		"Timers.Inactive=x":     "50379 TimeToInactive format is invalid",
		"Timers.Closed=x":       "50380 TimeToClosed format is invalid",
		"State=closed":          "50384 Initial state can't be 'closed'",
		"UniqueName=CH0123456789abcdef0123456789abcdef": "50390 Unique name should not match conversation sid pattern",
		"Colour=red":                  "20001 form field Colour is not documented",
		"Colour=red&State=x":          "20001 form field Colour is not documented",
		"DateUpdated=x&DateCreated=x": "50308 Invalid Date Created parameter",
		"UniqueName=b&UniqueName=a&Timers.Closed=PT1S&x=": "50376 TimeToClosed should be greater or equal to 10 minutes",
	} {
		for range 5 { // the same every time
			r := do(t, s, http.MethodPost, "/v1/Conversations", nil, body(form))
			assert.Equal(t, 400, r.StatusCode)
			assert.Equal(t, want, fmt.Sprint(r.code(), " ", r.body["message"]), "%.50s", form)
		}
	}
	r := get(t, s, fmt.Sprint("/v1/Conversations?PageSize=", largestPageSize()+1))
	assert.Equal(t, "Page size too large", r.body["message"])
	limited := Start(t, InMemory(), WithWriteLimit(1))
	post(t, limited, "/v1/Conversations")
	assert.Equal(t, "Actions per second limit exceeded", post(t, limited, "/v1/Conversations").body["message"])
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = http.NoBody
		if text != "" {
			r.Body = readCloser{strings.NewReader(text)}
		}
		r.ContentLength = int64(len(text))
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestFieldsAtTheirLimits(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for _, form := range []string{
		"FriendlyName=" + strings.Repeat("%C3%A9", longestFriendlyName()),
		"UniqueName=" + strings.Repeat("%C3%A9", 256),
		"UniqueName=CH0123",
		"Attributes=%22" + strings.Repeat("%61", 16<<10-2) + "%22",
		"Attributes=null", "Attributes=[1]", "Attributes=",
		"DateCreated=2026-01-01T00:00:00.123456789%2B05:30",
		"Timers.Inactive=PT1M&Timers.Closed=PT10M", "Timers.Inactive=PT0S&Timers.Closed=PT0S", "State=inactive",
		"FriendlyName=&UniqueName=&Attributes=&Timers.Inactive=&Timers.Closed=&Bindings.Email.Name=",
	} {
		r := do(t, s, http.MethodPost, "/v1/Conversations", nil, body(form))
		assert.Equal(t, 201, r.StatusCode, "%.60s: %s", form, r.text)
	}
}

func TestEmptyValuesChangeNothing(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	then := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	seed(t, s, Conversation{
		UniqueName: "a", FriendlyName: "A", Attributes: "[1]", DateCreated: then, DateUpdated: then,
		EmailAddress: "a@example.com", EmailName: "A", DateClosed: time.Now().Add(time.Hour),
	})
	before := get(t, s, "/v1/Conversations/a")
	assert.Equal(t, before.text, post(t, s, "/v1/Conversations/a").text)
	assert.Equal(t, before.text, post(t, s, "/v1/Conversations/a", "FriendlyName", "", "UniqueName", "", "Attributes", "",
		"Timers.Inactive", "", "Timers.Closed", "",
		"Bindings.Email.Address", "", "Bindings.Email.Name", "").text)
	assert.Equal(t, before.text, do(t, s, http.MethodPost, "/v1/Conversations/a", nil, func(r *http.Request) { r.Header.Del("Content-Type") }).text)

	r := post(t, s, "/v1/Conversations/a", "Bindings.Email.Name", "B", "FriendlyName", "")
	assert.Equal(t, "A", r.body["friendly_name"])
	assert.Subset(t, r.body["bindings"].(map[string]any)["email"], map[string]any{"projected_address": "a@example.com", "name": "B"})
	assert.NotEqual(t, before.body["date_updated"], r.body["date_updated"])
}

func TestShapesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, Conversation{UniqueName: "a"})
	contentType := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", value) }
	}
	webhook := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["X-Twilio-Webhook-Enabled"] = values }
	}
	jsonBody := func(r *http.Request) { body("{}")(r); contentType("application/json")(r) }
	for name, tc := range map[string]struct {
		method, target string
		edit           func(*http.Request)
		status         int
	}{
		"JSON":                     {"POST", "", jsonBody, 415},
		"no type":                  {"POST", "", func(r *http.Request) { body("FriendlyName=x")(r); r.Header.Del("Content-Type") }, 415},
		"compressed":               {"POST", "", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415},
		"charset":                  {"POST", "", contentType(formType + "; charset=UTF-8"), 201},
		"a field in the query":     {"POST", "?FriendlyName=x", nil, 400},
		"an unknown parameter":     {"GET", "?Order=asc", nil, 400},
		"a parameter of the list":  {"GET", "/a?PageSize=1", nil, 400},
		"a repeated parameter":     {"GET", "?State=active&State=closed", nil, 400},
		"a malformed query":        {"GET", "?State=%zz", nil, 400},
		"a body on GET":            {"GET", "", body("x=y"), 400},
		"a body on DELETE":         {"DELETE", "/a", body("x=y"), 400},
		"webhook header":           {"POST", "", webhook("true"), 201},
		"another webhook header":   {"POST", "", webhook("True"), 400},
		"webhook header of fetch":  {"GET", "/a", webhook("true"), 400},
		"two Authorizations":       {"GET", "/a", func(r *http.Request) { r.Header.Add("Authorization", "Basic eDp5") }, 400},
		"webhook header of update": {"POST", "/a", webhook("yes"), 400},
		"webhook header of delete": {"DELETE", "/a", webhook("1"), 400},
		"two webhook headers":      {"POST", "", webhook("true", "false"), 400},
	} {
		r := do(t, s, tc.method, "/v1/Conversations"+tc.target, nil, func(r *http.Request) {
			if tc.edit != nil {
				tc.edit(r)
			}
		})
		assert.Equal(t, tc.status, r.StatusCode, "%s: %s", name, r.text)
		if tc.status >= 400 {
			assert.Equal(t, 20001, r.code(), name)
		}
	}
	r := do(t, s, http.MethodPost, "/v1/Conversations", nil, body("Attributes="+strings.Repeat("a", maxBody)))
	assert.Equal(t, 413, r.StatusCode)
	assert.Equal(t, 20413, r.code())
}

func TestLenient(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory(), Lenient())
	r := do(t, s, http.MethodPost, "/v1/Conversations?Order=asc", nil, body("Colour=red&UniqueName=a&UniqueName=b"))
	assert.Equal(t, 201, r.StatusCode)
	assert.Equal(t, "a", r.body["unique_name"])
	assert.Equal(t, 200, do(t, s, http.MethodGet, "/v1/Conversations/a?PageSize=x", nil, body("x")).StatusCode)
	assert.Equal(t, 400, post(t, s, "/v1/Conversations", "State", "open").StatusCode)
	assert.Equal(t, 50374, post(t, s, "/v1/Conversations", "State", "").code(), "not ignored by Twilio either")
	assert.Equal(t, 404, get(t, s, "/v1/Conversations/").StatusCode)

	// What is empty was not sent.
	before := get(t, s, "/v1/Conversations/a").text
	assert.Equal(t, before, post(t, s, "/v1/Conversations/a", "DateCreated", "", "DateUpdated", "", "MessagingServiceSid", "").text)
	assert.Len(t, get(t, s, "/v1/Conversations?State=&PageSize=&Page=").items(), 1)
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"PT0S": 0, "P0D": 0, "PT1M": time.Minute, "P1D": 24 * time.Hour, "PT36H": 36 * time.Hour, "P1W": 168 * time.Hour,
		"P1Y2M3W4DT5H6M7.5S": (365+60+21+4)*24*time.Hour + 5*time.Hour + 6*time.Minute + 7500*time.Millisecond,
		"PT90S":              90 * time.Second, "PT1,25S": 1250 * time.Millisecond, "PT0.000000001S": 1, "PT9223372036S": 9223372036 * time.Second,
	} {
		got, ok := parseDuration(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "P", "PT", "P1DT", "1D", "T1H", "pt1h", "-PT1H", "P-1D", "PT1.5H", "PT1S1M", "PT1M ", "PT.5S", "PT1e3S",
		"P300Y", "PT99999999999999999999S", "PT9223372036.9S", "PT1H\n",
	} {
		_, ok := parseDuration(text)
		assert.False(t, ok, "%q", text)
	}
}

// FuzzAgreement checks that the emulator and the validator agree. A strict emulator never refuses
// the shape of a request that ValidateRequest accepts. It refuses every request that
// ValidateRequest reports.
func FuzzAgreement(f *testing.F) {
	for _, query := range []string{
		"", "PageSize=007", "State=", "State=initializing", "StartDate=2026-02-30", "EndDate=2026-01-01T00:00,5", "PageToken=PTactive_2026-01-01T00:00:00Z_CH0",
		"PageToken=PTactive_2026-01-01T00:00:00.000Z_CH0123456789abcdef0123456789abcdef", "Page=%2B1", "PageSize=1000", "PageSize=1001", "FriendlyName=a", "%zz", "a;b",
	} {
		f.Add(byte(0), "", query, "", "", "")
	}
	for _, form := range []string{
		"", "DateCreated=", "MessagingServiceSid=", "State=", "State=initializing", "Attributes={", "Attributes=", "Timers.Inactive=", "Timers.Closed=PT1M", "Timers.Inactive=P1Y2M3W4DT5H6M7.5S",
		"UniqueName=CH0123456789abcdef0123456789abcdef", "FriendlyName=%ff", "DateUpdated=9999-12-31T23:59:59-01:00", "Timers.Inactive=PT1H&Timers.Inactive=PT1H", "a=b", "Bindings.Email.Name=x",
	} {
		f.Add(byte(1), "", "", form, formType, "true")
		f.Add(byte(3), "a", "", form, formType+"; charset=utf-8", "")
	}
	for _, id := range []string{"a", "", ".", "..", "%2e%2E", "%2F", "%ff", "a%00", "CH0", "Conversations"} {
		f.Add(byte(2), id, "", "", "", "")
		f.Add(byte(4), id, "", "x", "", "false")
	}
	f.Add(byte(9), "", "", "State=active", "text/plain", "no")
	e, err := New()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind byte, id, query, form, contentType, webhook string) {
		method := []string{"GET", "POST", "GET", "POST", "DELETE"}[kind%5]
		path := "/v1/Conversations"
		if kind/5%2 == 1 {
			path = "/v1/Services/" + testService + "/Conversations"
		}
		if kind%5 > 1 {
			path += "/" + id
		}
		unescaped, err := url.PathUnescape(path)
		if err != nil || strings.Contains(id, "/") { // it changes the path, which is not compared
			return
		}
		req := func() *http.Request {
			r := httptest.NewRequest(method, "/", strings.NewReader(form))
			r.URL = &url.URL{Path: unescaped, RawPath: path, RawQuery: query}
			r.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			if webhook != "" {
				r.Header.Set("X-Twilio-Webhook-Enabled", webhook)
			}
			return r
		}
		e.Reset()
		if name, err := url.PathUnescape(id); err == nil && name != "" {
			_, _ = e.Seed(Conversation{UniqueName: name}, Conversation{UniqueName: name, ServiceSID: testService})
		}
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, req())
		invalid := ValidateRequest(req())
		var failure apiError
		_ = json.Unmarshal(rec.Body.Bytes(), &failure)
		switch refused := rec.Code >= 400; {
		case invalid == nil && refused:
			// These depend on what is stored: no such conversation, a name that is taken, closed on
			// create.
			require.Contains(t, []int{20404, 50353, 50384}, failure.Code, "only the emulator refuses it: %s", rec.Body)
		case invalid != nil:
			require.True(t, refused, "only the validator refuses it: %v", invalid)
		}
	})
}

// FuzzForm sends garbage as a form and as a query. Either it is refused, or what is stored is
// returned.
func FuzzForm(f *testing.F) {
	for _, text := range []string{
		"", "UniqueName=a", "Attributes=%7B%7D&State=inactive", "Timers.Inactive=P9999999999999Y", "DateCreated=0000-01-01T00:00:00Z",
		"DateUpdated=9999-12-31T23:59:59%2B00:00", "%", "a=%ff", "&&=&", "PageToken=PTactive_2026-01-01T00:00:00.000Z_CH0",
		"StartDate=2026-13-01", "EndDate=9999-12-31", "PageSize=18446744073709551616&Page=-1", "FriendlyName=%00", "Timers.Closed=PT106751D",
	} {
		f.Add(text)
	}
	e, err := New()
	require.NoError(f, err)
	do := func(method, target, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, "/v1/Conversations", strings.NewReader(body))
		path, query, _ := strings.Cut(target, "?")
		req.URL = &url.URL{Path: path, RawQuery: query}
		req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
		req.Header.Set("Content-Type", formType)
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, req)
		return rec
	}
	f.Fuzz(func(t *testing.T, text string) {
		e.Reset()
		assert.Contains(t, []int{200, 400}, do(http.MethodGet, "/v1/Conversations?"+text, "").Code)
		rec := do(http.MethodPost, "/v1/Conversations", text)
		if rec.Code != http.StatusCreated {
			assert.Contains(t, []int{400, 413}, rec.Code)
			assert.Empty(t, e.Conversations(""))
			return
		}
		require.Len(t, e.Conversations(""), 1)
		sid := e.Conversations("")[0].SID
		assert.Equal(t, http.StatusOK, do(http.MethodGet, "/v1/Conversations/"+sid, "").Code)
		assert.Contains(t, []int{200, 400}, do(http.MethodPost, "/v1/Conversations/"+sid, text).Code)
	})
}
