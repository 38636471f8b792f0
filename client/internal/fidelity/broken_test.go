package fidelity

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// breakage turns a working emulator into a broken one.
type breakage func(http.Handler) http.Handler

// object is a JSON body or a part of it.
type object = map[string]any

// exchange is a request and the working emulator's response to it.
type exchange struct {
	r      *http.Request
	status int
	header http.Header
	body   object
}

// onResponse changes responses.
func onResponse(change func(*exchange)) breakage {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			x := &exchange{r: r, status: recorder.Code, header: recorder.Header()}
			isObject := json.Unmarshal(recorder.Body.Bytes(), &x.body) == nil
			change(x)
			maps.Copy(w.Header(), x.header)
			w.WriteHeader(x.status)
			if isObject {
				_ = json.NewEncoder(w).Encode(x.body)
			}
		})
	}
}

// onForm changes the forms of requests.
func onForm(change func(r *http.Request, form url.Values)) breakage {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			form, _ := url.ParseQuery(string(body))
			change(r, form)
			r.Body = io.NopCloser(strings.NewReader(form.Encode()))
			next.ServeHTTP(w, r)
		})
	}
}

// onQuery changes the queries of lists.
func onQuery(change func(query url.Values)) breakage {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if query := r.URL.Query(); r.Method == http.MethodGet && !single(r) {
				change(query)
				r.URL.RawQuery = query.Encode()
			}
			next.ServeHTTP(w, r)
		})
	}
}

// refuse responds to requests with 400.
func refuse(which func(r *http.Request, form url.Values) bool) breakage {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			if which(r, form) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// single reports whether a request is for one conversation.
func single(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/Conversations") }

func isUpdate(r *http.Request) bool { return r.Method == http.MethodPost && single(r) }
func isCreate(r *http.Request) bool { return r.Method == http.MethodPost && !single(r) }

// conversation changes conversations wherever they occur.
func conversation(change func(c object)) breakage {
	return onResponse(func(x *exchange) {
		if items, ok := x.body["conversations"].([]any); ok {
			for _, item := range items {
				change(item.(object))
			}
		} else if x.body["sid"] != nil {
			change(x.body)
		}
	})
}

func member(name string, value any) breakage {
	return conversation(func(c object) { c[name] = value })
}

// fetched changes conversations in the given state when they are fetched.
func fetched(state string, change func(c object)) breakage {
	return onResponse(func(x *exchange) {
		if x.r.Method == http.MethodGet && x.body["state"] == state {
			change(x.body)
		}
	})
}

// shifted returns a date moved by a duration.
func shifted(date any, by time.Duration) string {
	t, _ := time.Parse(time.RFC3339, date.(string))
	return t.Add(by).Format(time.RFC3339)
}

func shiftTimer(name string) breakage {
	return conversation(func(c object) {
		if timers := c["timers"].(object); timers[name] != nil {
			timers[name] = shifted(timers[name], time.Hour)
		}
	})
}

func list(change func(x *exchange, meta object)) breakage {
	return onResponse(func(x *exchange) {
		if meta, ok := x.body["meta"].(object); ok {
			change(x, meta)
		}
	})
}

func meta(name string, value any) breakage {
	return list(func(_ *exchange, meta object) { meta[name] = value })
}

// pageURL changes a URL of meta if it is set.
func pageURL(name, pattern, by string) breakage {
	return list(func(_ *exchange, meta object) {
		if u, ok := meta[name].(string); ok {
			meta[name] = regexp.MustCompile(pattern).ReplaceAllString(u, by)
		}
	})
}

func reversed(x *exchange, _ object) { slices.Reverse(x.body["conversations"].([]any)) }

// lost redirects requests for one conversation, by method and path, to one that does not exist.
func lost(method, pattern string) breakage {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if escaped := r.URL.EscapedPath(); r.Method == method && regexp.MustCompile(pattern).MatchString(escaped) {
				r.URL.Path, r.URL.RawPath = "/v1/Conversations/"+nowhere, ""
			}
			next.ServeHTTP(w, r)
		})
	}
}

// byName matches the path of a name that a session generated.
const byName = `/fidelity-[^/]*$`

func status(method string, from, to int) breakage {
	return onResponse(func(x *exchange) {
		if x.r.Method == method && x.status == from {
			x.status = to
		}
	})
}

func header(name, value string) breakage {
	return onResponse(func(x *exchange) {
		if x.header.Del(name); value != "" {
			x.header.Set(name, value)
		}
	})
}

// code changes the code of errors.
func code(from int) breakage {
	return onResponse(func(x *exchange) {
		if x.body["code"] == float64(from) {
			x.body["code"] = 99999
		}
	})
}

// failure changes a member of errors.
func failure(name string, value any) breakage {
	return onResponse(func(x *exchange) {
		if x.body["code"] != nil {
			if x.body[name] = value; value == nil {
				delete(x.body, name)
			}
		}
	})
}

// keepsDeleted responds to deletes without performing them.
func keepsDeleted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// elsewhere mistakes another service for the default one.
func elsewhere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, defaultCollection); ok {
			r.URL.Path, r.URL.RawPath = serviceCollection(otherService)+rest, ""
		}
		next.ServeHTTP(w, r)
	})
}

// careless performs a write, without the invalid timer, before it refuses the request.
func careless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if form, _ := url.ParseQuery(string(body)); form.Has("Timers.Closed") {
			form.Del("Timers.Closed")
			first := r.Clone(r.Context())
			first.Body = io.NopCloser(strings.NewReader(form.Encode()))
			next.ServeHTTP(httptest.NewRecorder(), first)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// frozenTimers shows the timers as they were when a conversation was created.
func frozenTimers(next http.Handler) http.Handler {
	first := map[any]any{}
	return conversation(func(c object) {
		if first[c["sid"]] == nil {
			first[c["sid"]] = c["timers"]
		}
		c["timers"] = first[c["sid"]]
	})(next)
}

// uniqueFriendlyNames refuses a friendly name that it has seen before.
func uniqueFriendlyNames(next http.Handler) http.Handler {
	seen := map[string]bool{}
	return refuse(func(r *http.Request, form url.Values) bool {
		name := form.Get("FriendlyName")
		defer func() { seen[name] = true }()
		return isCreate(r) && seen[name]
	})(next)
}

func clamp(least, most int) breakage {
	return onQuery(func(query url.Values) {
		if n, err := strconv.Atoi(query.Get("PageSize")); err == nil {
			query.Set("PageSize", strconv.Itoa(min(max(n, least), most)))
		}
	})
}

func updateWith(field, value string) breakage {
	return onForm(func(r *http.Request, form url.Values) {
		if isUpdate(r) && !form.Has(field) {
			form.Set(field, value)
		}
	})
}

// replaces replaces a value of a form. An absent value counts as empty.
func replaces(field, value, by string) breakage {
	return onForm(func(_ *http.Request, form url.Values) {
		if form.Get(field) == value {
			if form.Set(field, by); by == "" {
				form.Del(field)
			}
		}
	})
}

func drops(field string, which func(*http.Request) bool) breakage {
	return onForm(func(r *http.Request, form url.Values) {
		if which(r) {
			form.Del(field)
		}
	})
}

func refusesField(field string, which func(*http.Request) bool, value func(string) bool) breakage {
	return refuse(func(r *http.Request, form url.Values) bool {
		return which(r) && form.Has(field) && value(form.Get(field))
	})
}

func anyRequest(*http.Request) bool { return true }
func anyValue(string) bool          { return true }
func is(value string) func(string) bool {
	return func(s string) bool { return s == value }
}
func longerThan(n int) func(string) bool {
	return func(s string) bool { return len([]rune(s)) > n }
}

// breakages maps each rule to an emulator that breaks it. The emulators for refusals are generated.
var breakages = map[string]breakage{
	"create":                      status("POST", 201, 200),
	"create.state":                member("state", "inactive"),
	"create.dates":                member("date_updated", "2001-01-01T00:00:00Z"),
	"create.date-created":         drops("DateCreated", anyRequest),
	"create.date-updated":         drops("DateUpdated", anyRequest),
	"create.date-updated-default": replaces("DateUpdated", "", "2015-12-16T22:18:37Z"),
	"date.offset":                 replaces("DateCreated", "2015-12-17T00:18:37+02:00", "2015-12-17T00:18:37Z"),
	"fetch":                       fetched("active", func(c object) { c["friendly_name"] = "x" }),
	"fetch.unique-name":           lost("GET", byName),
	"fetch.unique-name-blank":     lost("GET", "%20"),
	"fetch.unique-name-slash":     lost("GET", "%2F"),
	"update":                      drops("FriendlyName", isUpdate),
	"update.unique-name":          lost("POST", byName),
	"update.others-stay":          updateWith("FriendlyName", "x"),
	"update.date-updated":         updateWith("DateUpdated", "2015-12-16T22:18:38Z"),
	"update.set-dates":            drops("DateCreated", isUpdate),
	"update.empty-friendly-name":  replaces("FriendlyName", "", "x"),
	"update.empty-unique-name":    replaces("UniqueName", "", "x"),
	"update.empty-attributes":     replaces("Attributes", "", "{}"),
	"update.nothing":              updateWith("FriendlyName", "x"),
	"delete":                      status("DELETE", 204, 200),
	"delete.gone":                 keepsDeleted,
	"delete.unique-name":          lost("DELETE", byName),
	"delete.twice":                status("DELETE", 404, 204),
	"delete.closed":               status("DELETE", 204, 400),
	"service.path":                lost("GET", "/Services/"),
	"service.apart":               elsewhere,
	"service.unique-names":        elsewhere,
	"header.webhook-create":       refusesHeader("X-Twilio-Webhook-Enabled"),
	"header.webhook-update":       refusesHeader("X-Twilio-Webhook-Enabled"),
	"header.webhook-delete":       refusesHeader("X-Twilio-Webhook-Enabled"),
	"form.unknown":                refusesField("Colour", anyRequest, anyValue),
	"form.repeated": onForm(func(_ *http.Request, form url.Values) {
		slices.Reverse(form["FriendlyName"])
	}),
	"query.unknown": refuse(func(r *http.Request, _ url.Values) bool { return r.URL.Query().Has("Colour") }),
	"form.charset": refuse(func(r *http.Request, _ url.Values) bool {
		return strings.Contains(r.Header.Get("Content-Type"), "charset")
	}),
	"header.content-type":        header("Content-Type", "application/json"),
	"header.request-id":          header("Twilio-Request-Id", "1"),
	"header.request-duration":    header("Twilio-Request-Duration", "21"),
	"header.concurrent-requests": header("Twilio-Concurrent-Requests", ""),
	"header.home-region":         header("X-Home-Region", ""),
	"header.api-domain":          header("X-Api-Domain", ""),
	"header.cors":                header("Access-Control-Allow-Origin", ""),
	"header.etag":                header("ETag", `"1"`),

	"resource.members": conversation(func(c object) { delete(c, "bindings") }),
	"sid.form":         member("account_sid", "AC1"),
	"sid.lower-case":   conversation(func(c object) { c["sid"] = "CH" + strings.ToUpper("a"+c["sid"].(string)[3:]) }),
	"chat-service-sid.same": onResponse(func(x *exchange) {
		if strings.Contains(x.r.URL.Path, "/Services/") && x.r.Method == "GET" {
			x.body["chat_service_sid"] = nil
		}
	}),
	"messaging-service-sid.default": member("messaging_service_sid", nil),
	"messaging-service-sid.set":     refusesField("MessagingServiceSid", anyRequest, anyValue),
	"friendly-name":                 member("friendly_name", "x"),
	"friendly-name.null":            member("friendly_name", ""),
	"unique-name":                   member("unique_name", "x"),
	"unique-name.null":              member("unique_name", ""),
	"attributes.unset":              member("attributes", ""),
	"attributes.text":               member("attributes", object{"topic": "feedback"}),
	"attributes.verbatim": conversation(func(c object) {
		var compact bytes.Buffer
		_ = json.Compact(&compact, []byte(c["attributes"].(string)))
		c["attributes"] = compact.String()
	}),
	"date.form":    conversation(func(c object) { c["date_created"] = strings.TrimSuffix(c["date_created"].(string), "Z") + ".000Z" }),
	"timers.none":  member("timers", nil),
	"timers.one":   conversation(func(c object) { c["timers"].(object)["date_inactive"] = nil }),
	"timers.dates": member("timers", object{"date_inactive": "PT2M", "date_closed": "PT20M"}),
	"url":          conversation(func(c object) { c["url"] = strings.TrimPrefix(c["url"].(string), "http://127.0.0.1:4010") }),
	"url.short": conversation(func(c object) {
		c["url"] = strings.Replace(c["url"].(string), defaultCollection, serviceCollection(otherService), 1)
	}),
	"url.service": conversation(func(c object) {
		c["url"] = "http://127.0.0.1:4010" + defaultCollection + "/" + c["sid"].(string)
	}),
	"url.unique-name": onResponse(func(x *exchange) {
		if x.body["sid"] != nil {
			x.body["url"] = "http://127.0.0.1:4010" + x.r.URL.Path
		}
	}),
	"links":          conversation(func(c object) { delete(c["links"].(object), "export") }),
	"bindings.none":  member("bindings", nil),
	"bindings.email": conversation(func(c object) { c["bindings"] = object{"email": object{"address": "support@example.com"}} }),
	"bindings.update": onResponse(func(x *exchange) {
		if isUpdate(x.r) {
			x.body["bindings"].(object)["email"].(object)["projected_address"] = nil
		}
	}),

	"friendly-name.longest": refusesField("FriendlyName", anyRequest, longerThan(longestFriendlyName-1)),
	"friendly-name.shared":  uniqueFriendlyNames,
	"unique-name.longest":   refusesField("UniqueName", anyRequest, longerThan(255)),
	"unique-name.case": onForm(func(_ *http.Request, form url.Values) {
		form.Set("UniqueName", strings.ToLower(form.Get("UniqueName")))
	}),
	"unique-name.own":          refusesField("UniqueName", isUpdate, anyValue),
	"unique-name.rename":       drops("UniqueName", isUpdate),
	"unique-name.update-taken": drops("UniqueName", isUpdate),
	"unique-name.after-delete": keepsDeleted,
	"unique-name.after-close":  code(50353),
	"attributes.longest":       refusesField("Attributes", anyRequest, longerThan(16<<10-1)),
	"attributes.any-value":     refusesField("Attributes", anyRequest, func(s string) bool { return !strings.HasPrefix(s, "{") }),

	"list":       list(func(x *exchange, _ object) { x.body["conversations"] = object{} }),
	"list.meta":  list(func(_ *exchange, meta object) { delete(meta, "first_page_url") }),
	"list.key":   meta("key", "items"),
	"list.item":  fetched("active", func(c object) { delete(c, "bindings") }),
	"list.empty": list(func(x *exchange, _ object) { x.body["conversations"] = nil }),
	"list.start-date": onQuery(func(query url.Values) {
		query.Set("StartDate", strings.Replace(query.Get("StartDate"), "T12:00:00Z", "T12:00:01Z", 1))
	}),
	"list.end-date": onQuery(func(query url.Values) {
		query.Set("EndDate", strings.Replace(query.Get("EndDate"), "T12:00:00Z", "T11:59:59Z", 1))
	}),
	"list.start-day":   bareDate("StartDate", "T00:00:01Z"),
	"list.end-day":     bareDate("EndDate", "T00:00:00Z"),
	"list.dates-order": list(reversed),
	"list.date-offset": onQuery(func(query url.Values) {
		query.Set("StartDate", strings.Replace(query.Get("StartDate"), "+02:00", "Z", 1))
	}),
	"list.date-local": onQuery(func(query url.Values) {
		query.Set("StartDate", regexp.MustCompile(`T\d\d:\d\d:\d\d$`).ReplaceAllString(query.Get("StartDate"), "$0+08:00"))
	}),
	"list.date-milliseconds": refuse(func(r *http.Request, _ url.Values) bool { return strings.Contains(r.URL.Query().Get("EndDate"), ".") }),
	"list.end-second": onQuery(func(query url.Values) {
		query.Set("EndDate", strings.Replace(query.Get("EndDate"), "03Z", "03.000Z", 1))
	}),
	"list.state":              onQuery(func(query url.Values) { query.Del("State") }),
	"list.state-moves":        onQuery(func(query url.Values) { query.Del("State") }),
	"list.state-initializing": refuse(func(r *http.Request, _ url.Values) bool { return r.URL.Query().Get("State") == "initializing" }),
	"list.order":              list(reversed),
	"list.state-order":        list(reversed),
	"list.deleted":            keepsDeleted,
	"page.size":               clamp(3, 1000),
	"page.size-default":       onQuery(func(query url.Values) { query.Set("PageSize", "20") }),
	"page.size-100":           clamp(1, 99),
	"page.size-above-100": refuse(func(r *http.Request, _ url.Values) bool {
		return r.URL.Query().Get("PageSize") == strconv.Itoa(largestPageSize)
	}),
	"page.next":          onQuery(func(query url.Values) { query.Del("PageToken") }),
	"page.last":          list(func(_ *exchange, meta object) { delete(meta, "next_page_url") }),
	"page.last-full":     list(func(_ *exchange, meta object) { meta["next_page_url"] = meta["url"] }),
	"page.number":        meta("page", 0),
	"page.url":           pageURL("url", `^http://[^/]*`, ""),
	"page.first":         list(func(_ *exchange, meta object) { meta["first_page_url"] = meta["url"] }),
	"page.previous-null": list(func(_ *exchange, meta object) { delete(meta, "previous_page_url") }),
	"page.previous":      list(func(_ *exchange, meta object) { meta["previous_page_url"] = meta["url"] }),
	"page.token":         pageURL("next_page_url", "PageToken=.*", "PageToken=MTIz"),
	"page.token-last":    pageURL("next_page_url", "PTclosed", "PTactive"),
	"page.url-order":     pageURL("next_page_url", "(PageSize=2)&(Page=1)", "$2&$1"),
	"page.filters":       pageURL("next_page_url", "StartDate=[^&]*&", ""),
	"page.filters-kept":  pageURL("next_page_url", "State=[^&]*&", ""),
	"page.alone": list(func(x *exchange, meta object) {
		items := x.body["conversations"].([]any)
		x.body["conversations"] = items[min(int(meta["page"].(float64)), len(items)):]
	}),
	"page.stable": onQuery(func(query url.Values) { query.Del("PageToken") }),
	"page.token-stripped": onQuery(func(query url.Values) {
		query.Set("PageToken", strings.Replace(query.Get("PageToken"), "00Z_", "00.000Z_", 1))
	}),
	"page.absolute":             pageURL("first_page_url", `^http://[^/]*`, "https://conversations.twilio.com"),
	"state.create-inactive":     drops("State", isCreate),
	"state.deactivate":          drops("State", isUpdate),
	"state.activate":            drops("State", isUpdate),
	"state.close-active":        drops("State", isUpdate),
	"state.close-inactive":      drops("State", isUpdate),
	"state.same":                refusesField("State", isUpdate, is("active")),
	"state.closed-fetch":        fetched("closed", func(c object) { clear(c) }),
	"state.closed-fetch-name":   fetched("closed", func(c object) { clear(c) }),
	"state.closed-stays":        fetched("closed", func(c object) { c["attributes"] = `{"a":1}` }),
	"state.close-again":         code(50377),
	"state.closed-empty-update": code(50377),
	"state.closed-timers": conversation(func(c object) {
		if c["state"] == "closed" {
			c["timers"] = object{}
		}
	}),

	"timer.same-start":    shiftTimer("date_closed"),
	"timer.minimum":       refusesField("Timers.Inactive", anyRequest, is("PT1M")),
	"timer.days":          shiftTimer("date_closed"),
	"timer.mixed":         shiftTimer("date_closed"),
	"timer.weeks":         refusesField("Timers.Closed", anyRequest, is("P1W")),
	"timer.months":        replaces("Timers.Closed", "P1Y", "P366D"),
	"timer.without-state": refuse(func(r *http.Request, form url.Values) bool { return form.Has("Timers.Closed") && !form.Has("State") }),
	"timer.update":        refusesField("Timers.Closed", isUpdate, anyValue),
	"timer.create-zero":   refusesField("Timers.Closed", anyRequest, is("PT0S")),
	"timer.update-zero":   replaces("Timers.Inactive", "PT0S", ""),
	"timer.empty":         replaces("Timers.Closed", "", "PT0S"),
	"timer.restart":       frozenTimers,
	"timer.restart-date-updated": onResponse(func(x *exchange) {
		if isUpdate(x.r) {
			x.body["timers"].(object)["date_closed"] = "2015-12-16T22:38:38Z"
		}
	}),
	"timer.inactive-fires": fetched("inactive", func(c object) { c["state"] = "active" }),
	"timer.closed-fires":   fetched("closed", func(c object) { c["state"] = "inactive" }),
	"timer.closed-alone":   fetched("active", func(c object) { c["state"] = "inactive" }),
	"timer.closed-first":   fetched("closed", func(c object) { c["state"] = "inactive" }),
	"timer.date-updated":   fetched("inactive", func(c object) { c["date_updated"] = shifted(c["date_updated"], time.Second) }),
	"timer.kept":           fetched("closed", func(c object) { c["timers"] = object{} }),
	"timer.not-restarted": fetched("inactive", func(c object) {
		if timers := c["timers"].(object); timers["date_closed"] != nil {
			timers["date_closed"] = shifted(timers["date_closed"], time.Minute)
		}
	}),
	"timer.revived": frozenTimers,

	"error.body":              failure("more_info", nil),
	"error.more-info":         failure("more_info", "https://www.twilio.com/docs/errors"),
	"error.status":            failure("status", 400),
	"error.content-type":      header("Content-Type", "text/html"),
	"error.request-id":        header("Twilio-Request-Id", ""),
	"error.path":              failure("message", "The requested resource /v1/Conversations/"+nowhere+" was not found"),
	"error.detail":            failure("detail", nil),
	"error.no-challenge":      header("WWW-Authenticate", "Basic"),
	"error.no-retry-after":    header("Retry-After", "1"),
	"error.allow":             header("Allow", ""),
	"error.order-credentials": status("GET", 401, 404),
	"list.empty-values": refuse(func(r *http.Request, _ url.Values) bool {
		return strings.Contains(r.URL.RawQuery, "EndDate=&")
	}),
	"error.order-fields":    code(50378),
	"error.order-state":     code(50377),
	"error.nothing-created": careless,
	"error.nothing-changed": careless,
}

func refusesHeader(name string) breakage {
	return refuse(func(r *http.Request, _ url.Values) bool { return r.Header.Get(name) != "" })
}

// bareDate completes dates that have no time.
func bareDate(parameter, clock string) breakage {
	return onQuery(func(query url.Values) {
		if date := query.Get(parameter); len(date) == len(time.DateOnly) {
			query.Set(parameter, date+clock)
		}
	})
}

// breakageOf returns the broken emulator for a rule.
func breakageOf(id string) breakage {
	if b := breakages[id]; b != nil {
		return b
	}
	for _, r := range refusals() {
		switch id {
		case r.id:
			return code(r.code)
		case r.id + ".status":
			return onResponse(func(x *exchange) {
				if x.status == r.status {
					x.status = http.StatusTeapot
				}
			})
		case r.id + ".text":
			return failure("message", "No.")
		}
	}
	return nil
}

// Each variant of an assumption belongs to a rule, whose check detects it.
func TestVariants(t *testing.T) {
	t.Parallel()
	rules := map[string]Rule{}
	for _, rule := range Rules() {
		rules[rule.ID] = rule
	}
	for _, v := range conversationstest.Variants() {
		rule, ok := rules[v.Rule]
		if !assert.True(t, ok, "%s is no rule", v.Rule) {
			continue
		}
		assert.NotEqual(t, Documented, rule.Source, v.Rule)
		synctest.Test(t, func(t *testing.T) {
			assume := conversationstest.Assume(v.Rule, v.Name)
			e := emulate(t, rule.Option, assume)
			options := against(e, e)
			options.Webhooks = hooks(t, hookBreakage{}, assume)
			s, err := newSession(t.Context(), target(""), options)
			require.NoError(t, err)
			result := s.judge(rule)
			assert.Equal(t, Differs, result.Outcome, "%s=%s: %s", v.Rule, v.Name, result.Detail)
			assert.Zero(t, s.cleanUp())
		})
	}
}

// Each check detects an emulator that breaks its rule.
func TestChecksFindBrokenEmulators(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, rule := range Rules() {
		known[rule.ID] = true
		service := ""
		if rule.Needs&NeedsService != 0 {
			service = otherService
		}
		broken := breakageOf(rule.ID)
		brokenHooks, hasHooks := hookBreakages[rule.ID]
		if !assert.True(t, broken != nil || hasHooks, "%s: no broken emulator fails its check", rule.ID) {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			e := emulate(t, rule.Option)
			options := against(e, e)
			if broken != nil {
				options = against(broken(e), e)
			}
			options.Webhooks = hooks(t, brokenHooks, brokenHooks.options(rule.ID)...)
			s, err := newSession(t.Context(), target(service), options)
			require.NoError(t, err)
			result := s.judge(rule)
			assert.Equal(t, Differs, result.Outcome, "%s: %s", rule.ID, result.Detail)
			assert.NotEmpty(t, result.Detail, rule.ID)
			if rule.Needs&NeedsWebhooks != 0 {
				assert.Zero(t, s.cleanUp())
			}
		})
	}
	for id := range hookBreakages {
		assert.True(t, known[id], "%s is no rule", id)
	}
	for id := range breakages {
		assert.True(t, known[id], "%s is no rule", id)
	}
}
