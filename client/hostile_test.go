package client_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

var (
	hostileCalls = flag.Int("hostile.calls", 400, "how many calls with random misbehaviour to make")
	hostileSeed  = flag.Uint64("hostile.seed", 1, "the seed of the random misbehaviour")
	hostileAll   = flag.Bool("hostile.all", false, "try every status and every misbehaviour with every operation, not with some")
	hostileShow  = flag.Int("hostile.show", 4, "how many broken calls to show for each invariant")
	hostileOnly  = flag.String("hostile.only", "", "make only the calls whose description contains this")
)

// A misbehaviour spoils a reply.
type misbehaviour struct {
	name string
	// group is what it spoils. Of one group there is at most one in a reply.
	group string
	// hides says that the reply does not show what the operation came to: the request may have been
	// carried out or not. Without it the request is carried out.
	hides bool
	// refuses says that the reply says that nothing was carried out, which is then the truth.
	refuses bool
	do      func(r *reply, x *exchange)
}

// nameOfTarget and newName are unique names that no text may hold, whatever their spelling.
const (
	nameOfTarget = `Zoë "Zo" & Co/<zoe+1@example.org>?x=#%41`
	newName      = `Ann-Kathrin's 2nd & last/<ak@example.org>`
)

// planted is what no text of ours may repeat: a marker, the credentials and the names.
func planted() string {
	return truthCanary + " " + truthToken + " " + truthBasic + " " + strings.Join(spellings(nameOfTarget), " ") + " " + strings.Join(spellings(newName), " ") +
		" \u202e\u2028\x1b[31m"
}

// inHeader is what of it fits in a header.
func inHeader() string { return truthCanary + " " + truthToken + " " + truthBasic }

// echo is what a server may repeat of a call: the names that it was given.
func (x *exchange) echo() string {
	var all []string
	for _, name := range x.names {
		all = append(all, spellings(name)...)
	}
	return strings.Join(all, " or ")
}

// statusIs replies with another status. Twilio's code and text are those of an error with that
// status.
func statusIs(status int) misbehaviour {
	return misbehaviour{name: fmt.Sprintf("status %03d", status), group: "status", hides: true,
		refuses: status >= 400 && status < 500 && status != http.StatusRequestTimeout,
		do: func(r *reply, x *exchange) {
			r.status = status
			r.body = nil
			r.code = 0
			if status >= 400 {
				r.code = map[int]int{400: 20001, 401: 20003, 403: 20403, 404: 20404, 409: 50353, 429: 20429}[status]
				r.body = fmt.Appendf(nil, `{"code":%d,"message":%q,"more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`,
					r.code, "about "+x.echo()+" "+truthToken, r.code, status)
				r.header.Set("Content-Type", "application/json")
			}
		}}
}

func bodyIs(name string, body func(r *reply, x *exchange) string) misbehaviour {
	return misbehaviour{name: "body " + name, group: "body", do: func(r *reply, x *exchange) {
		if r.status != http.StatusNoContent {
			class := r.class
			if r.body = []byte(body(r, x)); r.status != x.success {
				r.class = class
			}
		}
	}}
}

func headerIs(name, value string) misbehaviour {
	return misbehaviour{name: name + ": " + value, group: name, do: func(r *reply, x *exchange) {
		if r.header.Del(name); value != "" {
			r.header.Set(name, value)
		}
		if name == "Content-Type" && r.status == x.success && r.class == "" && !strings.Contains(strings.ToLower(value), "json") {
			r.class = "final"
		}
	}}
}

func rawHeader(line string) misbehaviour {
	return misbehaviour{name: "header " + line, group: "conn", do: func(r *reply, _ *exchange) {
		r.raw, r.class = line+"\r\n", "garbage"
	}}
}

func dateOff(off time.Duration) misbehaviour {
	return misbehaviour{name: fmt.Sprintf("Date off by %v", off), group: "Date", do: func(r *reply, _ *exchange) {
		r.header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
	}}
}

func retryAfterIs(value func() string, name string) misbehaviour {
	return misbehaviour{name: "429 with Retry-After " + name, group: "status", hides: true, refuses: true, do: func(r *reply, x *exchange) {
		statusIs(429).do(r, x)
		r.header.Set("Retry-After", value())
		if name != "1" {
			r.class = "cut refusal" // whether it is worth to wait depends on the value
		}
	}}
}

// member replaces or adds members of every conversation of the body.
func member(name string, members map[string]any) misbehaviour {
	return misbehaviour{name: "members: " + name, group: "body", do: func(r *reply, x *exchange) {
		var body map[string]any
		if json.Unmarshal(r.body, &body) != nil {
			return
		}
		if list, ok := body["conversations"].([]any); ok {
			for _, c := range list {
				maps.Copy(c.(map[string]any), members)
			}
		} else if body["sid"] != nil {
			maps.Copy(body, members)
		}
		r.body, _ = json.Marshal(body)
	}}
}

// twice puts a member before those of the body, which has it too, or behind them.
func twice(name, first string, last bool) misbehaviour {
	return bodyIs("with two "+name, func(r *reply, _ *exchange) string {
		if len(r.body) < 2 || r.body[0] != '{' || !bytes.Contains(r.body, []byte(`"`+name+`"`)) {
			return string(r.body)
		}
		if last {
			return string(bytes.TrimSpace(r.body))[:len(bytes.TrimSpace(r.body))-1] + `,"` + name + `":` + first + "}"
		}
		return `{"` + name + `":` + first + "," + string(r.body[1:])
	})
}

func compressed(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func encoded(name, class string, do func(r *reply)) misbehaviour {
	return misbehaviour{name: name, group: "encoding", do: func(r *reply, x *exchange) {
		if r.status == http.StatusNoContent {
			return
		}
		r.header.Set("Content-Encoding", "gzip")
		r.body = compressed(r.body)
		do(r)
		switch {
		case r.status == x.success:
			r.class = class
		case class == "garbage" && r.status >= 400 && r.status < 500:
			r.class = "cut refusal"
		}
	}}
}

// maxHostile is WithMaxResponseBytes of the clients.
const maxHostile = 128 << 10

// misbehaviours is the table of what a server may do to a reply. Statuses are added by their
// number.
var misbehaviours = []misbehaviour{
	// The connection.
	{name: "connection refused", group: "conn", hides: true, refuses: true, do: func(r *reply, x *exchange) {}},
	{name: "closed without a reply", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.silent = true }},
	{name: "reset with a text", group: "conn", hides: true, do: func(r *reply, _ *exchange) {
		r.silent, r.failure = true, &net.OpError{Op: "read", Net: "tcp", Err: errors.New(planted())}
	}},
	{name: "silence", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.silent, r.ends = true, "stall" }},
	{name: "late", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.delay = 40 * time.Second; r.status, r.body = 503, nil }},
	{name: "slow", group: "conn", do: func(r *reply, _ *exchange) { r.delay = 20 * time.Second }},
	{name: "no HTTP", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.proto, r.class = planted(), "garbage" }},
	{name: "HTTP/1.1 OK", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.proto, r.class = "HTTP/1.1 OK "+truthCanary, "garbage" }},
	{name: "a reason in many words", group: "conn", do: func(r *reply, _ *exchange) {
		r.proto = fmt.Sprintf("HTTP/1.1 %03d %s", r.status, inHeader()+strings.Repeat("x", 2000))
	}},
	{name: "early hints", group: "conn", do: func(r *reply, _ *exchange) {
		r.before = "HTTP/1.1 103 Early Hints\r\nLink: " + inHeader() + "\r\n\r\n"
	}},
	{name: "100 seven times", group: "conn", do: func(r *reply, _ *exchange) {
		r.before = strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 7)
	}},
	{name: "nothing but 102", group: "conn", hides: true, do: func(r *reply, _ *exchange) { r.proto, r.class = "HTTP/1.1 102 Processing", "garbage" }},
	{name: "body cut", group: "cut", do: func(r *reply, _ *exchange) { r.missing = (len(r.body) + 1) / 2 }},
	{name: "body cut at once", group: "cut", do: func(r *reply, _ *exchange) { r.missing = len(r.body) }},
	{name: "body stalls", group: "cut", do: func(r *reply, _ *exchange) { r.missing, r.ends = (len(r.body)+1)/2, "stall" }},
	{name: "body reset with a text", group: "cut", do: func(r *reply, _ *exchange) {
		r.missing, r.failure = (len(r.body)+1)/2, &net.OpError{Op: "read", Net: "tcp", Err: errors.New(planted())}
	}},
	rawHeader("Content-Length: " + truthCanary),
	rawHeader("Content-Length: 1\r\nContent-Length: 2"),
	rawHeader("Transfer-Encoding: " + truthCanary),
	rawHeader("Transfer-Encoding: chunked\r\nX: " + truthCanary),
	rawHeader(truthCanary + " no colon"),
	rawHeader("X-Large: " + strings.Repeat("x", 70<<10)),

	// Headers.
	headerIs("Content-Type", ""),
	headerIs("Content-Type", "text/html; charset="+truthCanary),
	headerIs("Content-Type", "Application/JSON; Charset=UTF-8"),
	headerIs("Content-Type", "application/problem+json"),
	headerIs("Content-Type", ";;"+truthCanary),
	headerIs("Content-Encoding", "br"),
	headerIs("Twilio-Request-Id", inHeader()),
	headerIs("Twilio-Request-Id", strings.Repeat("RQ", 10_000)),
	headerIs("Twilio-Request-Id", "RQ"+nameOfTarget[6:9]),
	headerIs("Location", "https://elsewhere.example/"+truthCanary+"?"+truthToken),
	headerIs("Location", "::%zz"+truthCanary),
	headerIs("Set-Cookie", truthCanary+"="+truthToken),
	headerIs("Date", ""),
	headerIs("Date", truthCanary),
	dateOff(10 * time.Second), dateOff(-10 * time.Second), dateOff(3 * time.Second), dateOff(-3 * time.Second),
	dateOff(3 * time.Hour), dateOff(-3 * time.Hour), dateOff(50 * 365 * 24 * time.Hour),
	retryAfterIs(func() string { return "1" }, "1"),
	retryAfterIs(func() string { return "0" }, "0"),
	retryAfterIs(func() string { return "-1" }, "-1"),
	retryAfterIs(func() string { return "31" }, "31"),
	retryAfterIs(func() string { return "99999999999999999999" }, "1e20"),
	retryAfterIs(func() string { return "1e3" }, "1e3"),
	retryAfterIs(func() string { return inHeader() }, "text"),
	retryAfterIs(func() string { return time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat) }, "date"),
	retryAfterIs(func() string { return time.Now().Add(-5 * time.Second).UTC().Format(http.TimeFormat) }, "past date"),
	retryAfterIs(func() string { return time.Now().Add(99 * time.Hour).UTC().Format(http.TimeFormat) }, "far date"),

	// Encodings.
	encoded("gzip", "", func(*reply) {}),
	encoded("gzip of something else", "final", func(r *reply) { r.body = []byte("\x1f\x8c" + planted()) }),
	encoded("gzip cut", "garbage", func(r *reply) { r.body = r.body[:len(r.body)/2] }),
	encoded("gzip with a wrong sum", "garbage", func(r *reply) { r.body[len(r.body)-5] ^= 1 }),
	encoded("gzip bomb", "final", func(r *reply) { r.body = compressed(bytes.Repeat([]byte(" "), 2*maxHostile)) }),

	// Bodies.
	bodyIs("empty", func(r *reply, _ *exchange) string { r.class = "garbage"; return "" }), // cut or malformed
	bodyIs("null", func(*reply, *exchange) string { return "null" }),
	bodyIs("{}", func(*reply, *exchange) string { return "{}" }),
	bodyIs("array", func(*reply, *exchange) string { return "[" + strconv.Quote(truthCanary) + "]" }),
	bodyIs("text", func(*reply, *exchange) string { return strconv.Quote(planted()) }),
	bodyIs("number", func(*reply, *exchange) string { return "7" }),
	bodyIs("HTML", func(*reply, *exchange) string { return "<html>" + planted() }),
	bodyIs("an error with every status", func(*reply, *exchange) string {
		return `{"code":20404,"message":"x","more_info":"` + truthCanary + `","status":404}`
	}),
	bodyIs("garbage after it", func(r *reply, _ *exchange) string { return string(r.body) + truthCanary }),
	bodyIs("huge", func(r *reply, _ *exchange) string { return string(r.body) + strings.Repeat(" ", maxHostile) }),
	bodyIs("deep", func(r *reply, _ *exchange) string {
		r.class = "garbage"
		return strings.Repeat(`{"`+truthCanary+`":`, 20_000)
	}),
	bodyIs("a message without end", func(*reply, *exchange) string {
		return `{"code":20001,"message":"` + strings.Repeat(`x\u202e\u001b `, 5000) + `","more_info":"` + truthCanary + `\n"}`
	}),
	bodyIs("a message that repeats", func(_ *reply, x *exchange) string {
		message, _ := json.Marshal(x.echo() + truthToken + " " + truthBasic)
		return `{"code":20001,"message":` + string(message) + `}`
	}),
	bodyIs("other types", func(*reply, *exchange) string { return `{"sid":7,"conversations":7,"` + truthCanary + `":7}` }),
	bodyIs("a million conversations", func(*reply, *exchange) string {
		return `{"conversations":[` + strings.Repeat("{},", 20_000) + `{}],"meta":{}}`
	}),
	bodyIs("more than requested", func(r *reply, _ *exchange) string {
		var page struct {
			Conversations []json.RawMessage `json:"conversations"`
			Meta          json.RawMessage   `json:"meta"`
		}
		if json.Unmarshal(r.body, &page) != nil || len(page.Conversations) == 0 {
			return string(r.body)
		}
		for len(page.Conversations) < 110 {
			page.Conversations = append(page.Conversations, page.Conversations[0])
		}
		body, _ := json.Marshal(page)
		return string(body)
	}),
	member("a date that is none", map[string]any{"date_created": planted()}),
	member("a timer that is none", map[string]any{"timers": map[string]any{"date_closed": planted()}}),
	member("names that are none", map[string]any{"friendly_name": []string{truthCanary}}),
	member("no SID", map[string]any{"sid": nil}),
	member("a SID that is none", map[string]any{"sid": truthCanary}),
	member("another conversation", map[string]any{"sid": "CHffffffffffffffffffffffffffffffff", "unique_name": "somebody else's"}),
	member("another SID", map[string]any{"sid": "CHffffffffffffffffffffffffffffffff"}),
	member("another account", map[string]any{"account_sid": otherAccount}),
	member("another service", map[string]any{"chat_service_sid": otherService}),
	twice("timers", `{"date_closed":"2001-01-01T00:00:00Z","date_inactive":"2001-01-01T00:00:00Z"}`, false),
	twice("bindings", `{"email":{"name":"`+truthCanary+`"}}`, false),
	twice("sid", `"CHffffffffffffffffffffffffffffffff"`, false),
	twice("sid", `"CHffffffffffffffffffffffffffffffff"`, true),
	twice("meta", `{"next_page_url":"https://x/v1/Conversations?PageToken=`+truthCanary+`"}`, false),
	twice("conversations", `[{"sid":"CHffffffffffffffffffffffffffffffff"}]`, false),
}

// undetectable reports whether no client could tell that a spoiled success is not this call's.
// Nothing else is excluded from the invariants.
func undetectable(t *trial) bool {
	for _, x := range t.server.log {
		for _, m := range x.spoil {
			switch {
			case m.name == "members: another service" && t.service == "":
				return true // the SID of the default service is not known
			case m.name == "members: another conversation", m.name == "members: another SID", m.name == "body with two sid":
				// A create without a unique name knows nothing of its conversation. A name does not
				// say which SID it has, nor a list which conversations it holds.
				return t.op.name == "create" || t.op.lists || t.id == nameOfTarget && m.name != "members: another conversation" ||
					strings.HasPrefix(t.op.name, "create") && m.name != "members: another conversation"
			}
		}
	}
	return false
}

// hostileOp is a call to be judged.
type hostileOp struct {
	name       string
	operation  string // without its noun
	success    int
	changes    bool
	repeatable bool
	addressed  bool // by SID or unique name
	lists      bool
	renames    bool // it gives newName
	do         func(ctx context.Context, r *client.Conversations, id string, opt client.CallOption) ([]*client.Conversation, error)
}

func createOp(name string, params client.CreateParams) hostileOp {
	return hostileOp{name: name, operation: "create", success: 201, changes: true, repeatable: params.UniqueName != nil, renames: params.UniqueName != nil,
		do: func(ctx context.Context, r *client.Conversations, _ string, opt client.CallOption) ([]*client.Conversation, error) {
			c, err := r.Create(ctx, params, opt)
			return []*client.Conversation{c}, err
		}}
}

func updateOp(name string, params client.UpdateParams) hostileOp {
	return hostileOp{name: name, operation: "update", success: 200, changes: true, repeatable: true, addressed: true, renames: params.UniqueName != nil,
		do: func(ctx context.Context, r *client.Conversations, id string, opt client.CallOption) ([]*client.Conversation, error) {
			c, err := r.Update(ctx, id, params, opt)
			return []*client.Conversation{c}, err
		}}
}

func listOp(name string, seq func(context.Context, *client.Conversations, client.CallOption) func(func(*client.Conversation, error) bool)) hostileOp {
	return hostileOp{name: name, operation: "list", success: 200, repeatable: true, lists: true,
		do: func(ctx context.Context, r *client.Conversations, _ string, opt client.CallOption) (all []*client.Conversation, err error) {
			for c, err := range seq(ctx, r, opt) {
				if err != nil {
					return all, err
				}
				if all = append(all, c); len(all) > 10_000 {
					return all, errors.New("the list does not end")
				}
			}
			return all, nil
		}}
}

var hostileOps = []hostileOp{
	createOp("create", client.CreateParams{FriendlyName: new("mine")}),
	createOp("create named", client.CreateParams{UniqueName: new(newName)}),
	createOp("create full", client.CreateParams{UniqueName: new(newName), FriendlyName: new("mine"), Attributes: map[string]any{"n": 1},
		InactiveAfter: new(time.Hour), ClosedAfter: new(2 * time.Hour), BindingsEmailName: new("me")}),
	createOp("create imported", client.CreateParams{UniqueName: new(newName), FriendlyName: new("mine"),
		DateCreated: new(time.Date(1999, 1, 2, 3, 4, 5, 678e6, time.UTC))}),
	{name: "fetch", operation: "fetch", success: 200, repeatable: true, addressed: true,
		do: func(ctx context.Context, r *client.Conversations, id string, opt client.CallOption) ([]*client.Conversation, error) {
			c, err := r.Fetch(ctx, id, opt)
			return []*client.Conversation{c}, err
		}},
	updateOp("update", client.UpdateParams{FriendlyName: new("mine")}),
	updateOp("close", client.UpdateParams{State: new(client.StateClosed), Attributes: map[string]any{"n": 1}}),
	updateOp("rename", client.UpdateParams{UniqueName: new(newName)}),
	updateOp("rename and set", client.UpdateParams{UniqueName: new(newName), FriendlyName: new("mine")}),
	updateOp("timers", client.UpdateParams{ClosedAfter: new(5 * time.Hour)}),
	{name: "delete", operation: "delete", success: 204, changes: true, repeatable: true, addressed: true,
		do: func(ctx context.Context, r *client.Conversations, id string, opt client.CallOption) ([]*client.Conversation, error) {
			return nil, r.Delete(ctx, id, opt)
		}},
	{name: "page", operation: "list", success: 200, repeatable: true,
		do: func(ctx context.Context, r *client.Conversations, _ string, opt client.CallOption) ([]*client.Conversation, error) {
			page, err := r.Page(ctx, client.ListParams{}, opt)
			if err != nil {
				return nil, err
			}
			return page.Items, nil
		}, lists: true},
	listOp("list", func(ctx context.Context, r *client.Conversations, opt client.CallOption) func(func(*client.Conversation, error) bool) {
		return r.List(ctx, client.ListParams{PageSize: 3}, opt)
	}),
	listOp("scan", func(ctx context.Context, r *client.Conversations, opt client.CallOption) func(func(*client.Conversation, error) bool) {
		return r.Scan(ctx, client.ScanParams{PageSize: 3}, opt)
	}),
}

// interventions are what somebody else does between two attempts.
var interventions = map[string]func(s *truthServer, t *trial){
	"deleted": func(s *truthServer, t *trial) { s.act("DELETE", collection(t.service)+"/"+t.target, nil) },
	"succeeded": func(s *truthServer, t *trial) {
		s.act("DELETE", collection(t.service)+"/"+t.target, nil)
		s.act("POST", collection(t.service), url.Values{"UniqueName": {nameOfTarget}, "FriendlyName": {"the successor"}})
	},
	"renamed": func(s *truthServer, t *trial) {
		s.act("POST", collection(t.service)+"/"+t.target, url.Values{"UniqueName": {"renamed"}})
	},
	"closed": func(s *truthServer, t *trial) {
		s.act("POST", collection(t.service)+"/"+t.target, url.Values{"State": {"closed"}})
	},
	"new name taken": func(s *truthServer, t *trial) {
		s.act("POST", collection(t.service), url.Values{"UniqueName": {newName}, "FriendlyName": {"somebody else's"}})
	},
	"deleted, new name taken": func(s *truthServer, t *trial) {
		s.act("DELETE", collection(t.service)+"/"+t.target, nil)
		s.act("POST", collection(t.service), url.Values{"UniqueName": {newName}, "FriendlyName": {"mine"}})
	},
}

// contexts are how the context of a call ends.
var contexts = map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
	"over": func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errOfAnotherCall)
		return ctx, func() {}
	},
	"cancelled soon": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return cancelledAfter(ctx, 200*time.Millisecond)
	},
	"cancelled": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return cancelledAfter(ctx, 10*time.Second)
	},
	"deadline soon": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, 600*time.Millisecond, errOfAnotherCall)
	},
	"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, 35*time.Second, errOfAnotherCall)
	},
}

var errOfAnotherCall = &client.Error{Operation: "fetchConversation", Status: 404, Code: 50377}

func cancelledAfter(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { cancel(errOfAnotherCall) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// reaction is what the server does to one request.
type reaction struct {
	spoil  []misbehaviour
	commit bool          // where the reply hides it
	wait   time.Duration // before somebody else does something
	then   string        // what
}

func (r reaction) String() string {
	var b strings.Builder
	for _, m := range r.spoil {
		name := m.name
		if len(name) > 60 {
			name = name[:60] + "…"
		}
		fmt.Fprintf(&b, "%s, ", name)
	}
	if r.commit {
		b.WriteString("carried out, ")
	}
	if r.then != "" {
		fmt.Fprintf(&b, "then after %v %s, ", r.wait, r.then)
	}
	return strings.TrimSuffix(cmp.Or(b.String(), "well"), ", ")
}

// trial is a call to a server that misbehaves, and what came of it.
type trial struct {
	op        hostileOp
	service   string
	id        string
	age       time.Duration // of the target and of the holder
	holder    bool          // somebody has had the new name for as long as that
	reactions []reaction
	always    bool   // the last of them is that to all further requests
	ctx       string // how its context ends, if it does

	server   *truthServer
	target   string // SID
	began    int    // moment
	got      []*client.Conversation
	err      error
	e        *client.Error // err, as the one type that calls fail with
	response client.Response
	log      string
	panicked any
}

func (t *trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", t.op.name)
	if t.op.addressed {
		fmt.Fprintf(&b, " by %s", map[bool]string{true: "name", false: "SID"}[t.id == nameOfTarget])
	}
	if t.service != "" {
		b.WriteString(" in a service")
	}
	if t.holder {
		b.WriteString(", new name taken")
	}
	if t.ctx != "" {
		b.WriteString(", context " + t.ctx)
	}
	fmt.Fprintf(&b, ", age %v: %v", t.age, t.reactions)
	if t.always {
		b.WriteString(" always")
	}
	return b.String()
}

// run makes the call. It is called in a bubble.
func (t *trial) run(tb *testing.T) {
	s := newTruthServer(tb)
	t.server = s
	defer s.transport.CloseIdleConnections()
	begin := time.Now()
	seed := []conversationstest.Conversation{
		{ServiceSID: t.service, UniqueName: nameOfTarget, FriendlyName: "the target", DateCreated: begin.Add(-t.age), DateUpdated: begin.Add(-t.age), DateClosed: begin.Add(100 * time.Hour)},
		{ServiceSID: t.service, UniqueName: "another", FriendlyName: "another", DateCreated: begin.Add(-25 * time.Hour)},
		{ServiceSID: t.service, DateCreated: begin.Add(-26 * time.Hour), Attributes: `{"n":1}`},
		{ServiceSID: t.service, DateCreated: begin.Add(-26 * time.Hour), EmailAddress: "a@example.org", DateClosed: begin.Add(99 * time.Hour)},
	}
	if t.holder { // it has all that the creates ask for
		seed = append(seed, conversationstest.Conversation{ServiceSID: t.service, UniqueName: newName, DateCreated: begin.Add(-t.age)})
		if t.op.name != "create named" {
			seed[len(seed)-1].FriendlyName = "mine"
		}
		if t.op.name == "create full" {
			h := &seed[len(seed)-1]
			h.Attributes, h.EmailName, h.DateInactive, h.DateClosed = `{"n":1}`, "me", begin.Add(time.Hour), begin.Add(2*time.Hour)
		}
	}
	sids, err := s.emulator.Seed(seed...)
	require.NoError(tb, err)
	t.target = sids[0]
	if t.id == "" && t.op.addressed {
		t.id = t.target
	}
	s.plan = func(x *exchange) {
		x.commit, x.success = true, t.successOf(x)
		if t.id == nameOfTarget {
			x.names = append(x.names, nameOfTarget)
		}
		if t.op.renames {
			x.names = append(x.names, newName)
		}
		r, ok := t.reaction(x.n)
		if !ok {
			return
		}
		for _, m := range r.spoil {
			if m.group == "status" && m.name == fmt.Sprintf("status %03d", t.successOf(x)) {
				continue // that would be a lie
			}
			x.refused = x.refused || m.name == "connection refused"
			x.spoil = append(x.spoil, m)
			if m.refuses || m.hides && !r.commit {
				x.commit = false
			}
		}
	}
	s.leave = func(x *exchange) {
		// Not after the client has looked what became of its change, and before it repeats it:
		// nothing can be done about that without an idempotency key.
		if r, ok := t.reaction(x.n); ok && r.then != "" && t.primary(x) {
			s.mu.Lock()
			x.reply.delay += r.wait
			s.mu.Unlock()
			time.Sleep(r.wait)
			interventions[r.then](s, t)
		}
	}
	s.mu.Lock()
	s.look()
	t.began = s.moment
	s.mu.Unlock()

	var log bytes.Buffer
	c := s.newClient(tb, client.WithMaxResponseBytes(maxHostile), client.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	r := c.Conversations
	if t.service != "" {
		r = c.Service(t.service).Conversations
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if t.ctx != "" {
		var stop context.CancelFunc
		ctx, stop = contexts[t.ctx](ctx)
		defer stop()
	}
	func() {
		defer func() { t.panicked = recover() }()
		t.got, t.err = t.op.do(ctx, r, t.id, client.WithResponse(&t.response))
	}()
	s.serving.Wait()
	t.log = log.String()
	if _, ends := causes(t.err); ends {
		t.e, _ = errors.AsType[*client.Error](t.err)
	}
}

func (t *trial) reaction(n int) (reaction, bool) {
	if t.always {
		n = min(n, len(t.reactions)-1)
	}
	if n >= len(t.reactions) {
		return reaction{}, false
	}
	return t.reactions[n], true
}

// successOf is the status with which a request of the trial succeeds.
func (t *trial) successOf(x *exchange) int {
	if t.primary(x) {
		return t.op.success
	}
	return http.StatusOK
}

// primary reports whether a request is for the operation itself, and not to look what became of it.
func (t *trial) primary(x *exchange) bool {
	return map[string]string{"create": "POST", "update": "POST", "delete": "DELETE", "fetch": "GET", "list": "GET"}[t.op.operation] == x.method
}

func (t *trial) effects() (effects []*exchange) {
	for _, x := range t.server.log {
		if x.effect != "" {
			effects = append(effects, x)
		}
	}
	return effects
}

// last returns the last request for the operation itself that the server replied to.
func (t *trial) last() (last *exchange) {
	for _, x := range t.server.log {
		if t.primary(x) {
			last = x
		}
	}
	return last
}

func (t *trial) unclear() bool {
	return t.e != nil && t.e.Unclear || strings.Contains(t.err.Error(), "may have been")
}

// texts are all texts that the call has brought forth.
func (t *trial) texts() string {
	text := t.log
	if t.err != nil {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Error("", "error", t.err)
		text += t.err.Error() + fmt.Sprintf("%+v", t.err) + log.String()
	}
	if t.e != nil {
		text += t.e.Message + t.e.MoreInfo + t.e.RequestID
	}
	return text
}

// invariant is what must hold of every call, whatever the server does. It returns what is wrong.
type invariant struct {
	name   string
	broken func(t *trial) string
}

var invariants = []invariant{
	{"no panic", func(t *trial) string {
		if t.panicked != nil {
			return fmt.Sprintf("panic: %v", t.panicked)
		}
		return ""
	}},
	{"no error contains itself", func(t *trial) string {
		if _, ends := causes(t.err); !ends {
			return "its chain does not end"
		}
		return ""
	}},
	{"no request goes to another host", func(t *trial) string { return strings.Join(t.server.strayed, ", ") }},
	{"the requests of a call are bounded", func(t *trial) string {
		if n := len(t.server.log); n >= t.server.deadline {
			return fmt.Sprintf("%d requests", n)
		}
		return ""
	}},
	{"an error is of the one type and of this operation", func(t *trial) string {
		if t.err != nil && (t.e == nil || !strings.HasPrefix(t.e.Operation, t.op.operation)) {
			return fmt.Sprintf("%T of %+v", t.err, t.e)
		}
		return ""
	}},
	{"success is of the conversation that was addressed", func(t *trial) string {
		if t.err != nil || t.op.lists || undetectable(t) {
			return ""
		}
		for _, c := range t.got {
			switch {
			case c == nil:
				return "no conversation"
			case t.op.addressed && c.SID != t.target && !t.held(c.SID):
				return "it is " + c.SID + ", not " + t.target
			case strings.HasPrefix(t.op.name, "create") && !t.did(c.SID):
				return fmt.Sprintf("%s (created %v) is not of this call", c.SID, c.DateCreated)
			case c.AccountSID != accountSID:
				return "another account's"
			case t.service != "" && c.ChatServiceSID != t.service:
				return "another service's"
			}
		}
		return ""
	}},
	{"success has values that were true during the call", func(t *trial) string {
		if t.err != nil || undetectable(t) {
			return ""
		}
		for _, c := range t.got {
			if c != nil && !t.server.was(c, t.began) {
				return fmt.Sprintf("%+v never was", *c)
			}
		}
		return ""
	}},
	{"success of a change is of this call", func(t *trial) string {
		switch {
		case t.err != nil || !t.op.changes || undetectable(t):
		case t.op.operation == "delete":
			for _, x := range t.server.log { // a 404 after an attempt with an unclear outcome counts as success
				if t.did(t.target) || x.reply.status == 404 {
					return ""
				}
			}
			if _, gone := t.server.gone[t.target]; !gone {
				return t.target + " is still there"
			}
		case t.got[0] != nil && !t.did(t.got[0].SID):
			return "it was not carried out"
		}
		return ""
	}},
	{"a delete that succeeded leaves nothing", func(t *trial) string {
		if t.err != nil || t.op.operation != "delete" || t.did(t.target) {
			return ""
		}
		for _, x := range t.server.log {
			for _, m := range x.spoil {
				if m.name == "status 404" {
					return "" // a lie
				}
			}
		}
		if s, target := t.server, t.target; s.gone[target] == 0 && s.history[target][len(s.history[target])-1].UniqueName == nameOfTarget {
			return t.target + " is still there, under its name"
		}
		return ""
	}},
	{"success of a list is complete, and nothing is in it twice", func(t *trial) string {
		if t.err != nil || !t.op.lists || undetectable(t) {
			return ""
		}
		times := map[string]int{}
		for _, c := range t.got {
			times[c.SID]++
		}
		for sid := range t.server.history {
			if _, gone := t.server.gone[sid]; !gone && times[sid] != 1 {
				return fmt.Sprintf("%s is in it %d times", sid, times[sid])
			}
		}
		return ""
	}},
	{"a change touches the conversation that was addressed, and no other", func(t *trial) string {
		if !t.op.addressed || !t.op.changes {
			return ""
		}
		for _, x := range t.effects() {
			if x.effect != t.first() {
				return fmt.Sprintf("request %d changed %s, not %s", x.n, x.effect, t.first())
			}
		}
		return ""
	}},
	{"a call creates at most once", func(t *trial) string {
		created := 0
		for _, x := range t.effects() {
			if x.status == http.StatusCreated {
				created++
			}
		}
		if created > 1 {
			return fmt.Sprintf("%d times", created)
		}
		return ""
	}},
	{"an error that is not unclear says the truth: nothing was carried out", func(t *trial) string {
		if t.err != nil && t.op.changes && len(t.effects()) > 0 && !t.unclear() {
			return t.err.Error()
		}
		return ""
	}},
	{"no call is unclear that the server has refused or never got", func(t *trial) string {
		if t.err == nil || !t.unclear() {
			return ""
		}
		for _, x := range t.server.log {
			if t.primary(x) && (x.mayHaveBeenDone() || t.ctx != "" && x.reply.delay > 0) {
				return ""
			}
		}
		return t.err.Error()
	}},
	{"no retry that the table forbids", func(t *trial) string { return t.retries(false) }},
	{"every retry that the table promises", func(t *trial) string { return t.retries(true) }},
	{"where the server behaves in the end, the call succeeds", func(t *trial) string {
		if t.err == nil || t.always || t.ctx != "" || t.holder || !t.op.repeatable || len(t.reactions) > 3 {
			return ""
		}
		if t.op.changes && t.id == nameOfTarget && t.age < 10*time.Second {
			return "" // so young that it may be a successor
		}
		for i, r := range t.reactions {
			x := t.server.log[min(i, len(t.server.log)-1)]
			if r.then != "" || !t.primary(x) || !classes[x.classOf(t.op.success, 30*time.Second)].required {
				return ""
			}
			for _, m := range r.spoil {
				if m.group == "Date" {
					return "" // it may be unclear
				}
			}
		}
		return t.err.Error()
	}},
	{"an error matches only what this call's own last reply said", func(t *trial) string {
		if t.err == nil || t.e == nil {
			return ""
		}
		status, code := 0, 0
		if x := t.last(); x != nil && x.arrived && !x.reply.silent {
			status, code = x.reply.status, x.reply.code
		}
		lookedAway := false // it looked what became of the conversation, and there was none
		if n := len(t.server.log); n > 0 {
			x := t.server.log[n-1]
			lookedAway = !t.primary(x) && x.reply.status == 404
		}
		for _, s := range []struct {
			err  error
			said bool
		}{
			{client.ErrNotFound, status == 404 || lookedAway}, {client.ErrUnauthorized, status == 401}, {client.ErrForbidden, status == 403},
			{client.ErrConflict, status == 409}, {client.ErrRateLimited, status == 429}, {client.ErrClosed, code == 50377},
			{client.ErrMaybeCreated, t.op.operation == "create" && t.e.Unclear},
		} {
			if t.op.lists && slices.ContainsFunc(t.server.log, func(x *exchange) bool { return x.reply.status == t.e.Status }) {
				continue // of several requests in flight the last one is not the one that failed
			}
			if errors.Is(t.err, s.err) && !s.said {
				return fmt.Sprintf("it matches %q: %v", s.err, t.err)
			}
		}
		return ""
	}},
	{"the error and WithResponse describe the same reply", func(t *trial) string {
		if t.e != nil && (t.e.Status != t.response.StatusCode || t.e.RequestID != t.response.RequestID) {
			return fmt.Sprintf("%d %.40s and %d %.40s", t.e.Status, t.e.RequestID, t.response.StatusCode, t.response.RequestID)
		}
		return ""
	}},
	{"the text of an error is a line of at most about 1 KiB", func(t *trial) string {
		if t.err == nil {
			return ""
		}
		text := t.err.Error()
		if len(text) > 1280 {
			return fmt.Sprintf("%d bytes", len(text))
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			return fmt.Sprintf("%q", text[max(0, i-20):min(len(text), i+20)])
		}
		return ""
	}},
	{"no text holds credentials", func(t *trial) string {
		return found(t.texts(), truthToken, truthBasic)
	}},
	{"no text holds a unique name", func(t *trial) string {
		return found(t.texts(), append(spellings(nameOfTarget), spellings(newName)...)...)
	}},
	{"no text holds what the server planted", func(t *trial) string { return found(t.texts(), truthCanary) }},
}

func found(text string, secrets ...string) string {
	lower := strings.ToLower(text)
	for _, s := range secrets {
		if i := strings.Index(lower, strings.ToLower(s)); i >= 0 {
			return fmt.Sprintf("%q", text[max(0, i-60):min(len(text), i+len(s)+20)])
		}
	}
	return ""
}

// did reports whether this call has carried out something on the conversation.
func (t *trial) did(sid string) bool {
	return slices.ContainsFunc(t.effects(), func(x *exchange) bool { return x.effect == sid })
}

// held reports whether the address stood for the conversation when a request of the operation
// itself arrived, and no earlier one may have been carried out on another.
func (t *trial) held(sid string) bool {
	return t.first() == sid || t.op.name == "fetch" && slices.ContainsFunc(t.server.log, func(x *exchange) bool { return x.target == sid })
}

// first is the conversation that the address stood for when the first request arrived that may have
// been carried out.
func (t *trial) first() string {
	for _, x := range t.server.log {
		if t.primary(x) && (x.mayHaveBeenDone() || x.effect != "") {
			return x.target
		}
	}
	return ""
}

// retries compares the attempts with the table of retries.
func (t *trial) retries(promised bool) string {
	byURI := map[string][]*exchange{}
	for _, x := range t.server.log {
		if t.primary(x) {
			byURI[x.uri] = append(byURI[x.uri], x)
		}
	}
	maxed := false
	for _, attempts := range byURI {
		if len(attempts) > 4 {
			return fmt.Sprintf("%d attempts", len(attempts))
		}
		maxed = maxed || len(attempts) == 4
		if promised {
			continue
		}
		for _, x := range attempts[:len(attempts)-1] {
			class := x.classOf(t.op.success, 30*time.Second)
			unnamed := !t.op.repeatable && class != "429" && class != "never sent" && class != "cut refusal"
			if classes[class].forbidden || unnamed {
				return fmt.Sprintf("after request %d (%s, status %d)", x.n, class, x.reply.status)
			}
		}
	}
	if !promised || t.err == nil || maxed || t.ctx != "" || t.op.name == "scan" {
		return ""
	}
	x := t.server.log[len(t.server.log)-1]
	class := x.classOf(t.op.success, 30*time.Second)
	if t.primary(x) && classes[class].required && (t.op.repeatable || class != "unclear") {
		return fmt.Sprintf("after request %d (%s, status %d): %v", x.n, class, x.reply.status, t.err)
	}
	return ""
}

// trials are the calls that are made: every status and every misbehaviour with every operation, and
// random sequences.
func trials() (all []*trial) {
	n := 0
	add := func(t trial) {
		if n++; t.age == 0 {
			t.age = []time.Duration{24 * time.Hour, time.Hour, 2 * time.Second}[n%3]
		}
		if n%2 == 0 && t.op.addressed {
			t.id = nameOfTarget
		}
		if n%4 < 2 {
			t.service = serviceSID
		}
		all = append(all, &t)
	}
	statuses := []int{0, 99, 101, 199, 600, 700, 999}
	for status := 200; status < 600; status++ {
		statuses = append(statuses, status)
	}
	for _, status := range statuses {
		for i, op := range hostileOps {
			if *hostileAll || (status+i)%len(hostileOps) == 0 {
				add(trial{op: op, reactions: []reaction{{spoil: []misbehaviour{statusIs(status)}, commit: (status+i)%2 == 0}}, always: (status+i)%5 == 0})
			}
		}
	}
	for i, m := range misbehaviours {
		for j, op := range hostileOps {
			if !*hostileAll && (i+j)%3 != 0 {
				continue
			}
			add(trial{op: op, reactions: []reaction{{spoil: []misbehaviour{m}, commit: (n+i)%2 == 0}}, always: n%3 == 0})
		}
	}
	for _, status := range []int{0, 503} { // a context that ends while waiting
		for _, op := range hostileOps {
			for how := range contexts {
				add(trial{op: op, ctx: how, always: true, reactions: []reaction{{spoil: []misbehaviour{statusIs(status)}}}})
			}
		}
	}
	// What another actor does between two attempts, and clocks.
	unclear := []misbehaviour{statusIs(503), misbehaviours[1], misbehaviours[3]}
	clocks := []misbehaviour{headerIs("X", "y"), headerIs("Date", ""), dateOff(10 * time.Second), dateOff(-10 * time.Second), dateOff(3 * time.Hour), dateOff(-3 * time.Hour)}
	for _, then := range append(slices.Sorted(maps.Keys(interventions)), "") {
		for _, op := range hostileOps {
			if op.lists || op.name == "fetch" || !op.addressed && (then != "" && then != "new name taken") {
				continue
			}
			for _, clock := range clocks {
				for i := range 4 {
					if n++; !*hostileAll && n%2 == 0 {
						continue
					}
					m := unclear[(i+n)%3]
					r := reaction{spoil: []misbehaviour{m, clock}, commit: i == 0, then: then, wait: []time.Duration{0, 20 * time.Second}[i%2]}
					add(trial{op: op, age: []time.Duration{24 * time.Hour, time.Hour, 2 * time.Second}[(i+n/7)%3],
						holder:    strings.HasPrefix(op.name, "create") && i >= 2 && then == "",
						reactions: []reaction{r, {spoil: []misbehaviour{clock}}, {spoil: []misbehaviour{clock}}, {spoil: []misbehaviour{clock}}}})
				}
			}
		}
	}
	return append(all, randomTrials(rand.New(rand.NewPCG(*hostileSeed, 0)), *hostileCalls)...)
}

func randomTrials(rnd *rand.Rand, n int) (all []*trial) {
	pick := func(odds int) bool { return rnd.IntN(odds) == 0 }
	thens, ways := slices.Sorted(maps.Keys(interventions)), slices.Sorted(maps.Keys(contexts))
	for range n {
		t := &trial{op: hostileOps[rnd.IntN(len(hostileOps))], age: []time.Duration{24 * time.Hour, time.Hour, 2 * time.Second}[rnd.IntN(3)]}
		if pick(2) && t.op.addressed {
			t.id = nameOfTarget
		}
		if pick(2) {
			t.service = serviceSID
		}
		t.holder = pick(4) && strings.HasPrefix(t.op.name, "create")
		t.always = pick(5)
		if pick(4) {
			t.ctx = ways[rnd.IntN(len(ways))]
		}
		for range 1 + rnd.IntN(4) {
			r := reaction{commit: pick(2)}
			used := map[string]bool{}
			for range 1 + rnd.IntN(3) {
				m := misbehaviours[rnd.IntN(len(misbehaviours))]
				if pick(2) { // what leads to another attempt
					m = []misbehaviour{statusIs(503), statusIs(500), misbehaviours[1], misbehaviours[3]}[rnd.IntN(4)]
				} else if pick(8) {
					m = statusIs(200 + rnd.IntN(400))
				}
				if used[m.group] || len(r.spoil) > 0 && m.name == "connection refused" || used["conn"] && m.group == "status" {
					continue
				}
				used[m.group] = true
				r.spoil = append(r.spoil, m)
			}
			slices.SortStableFunc(r.spoil, func(a, b misbehaviour) int { return spoilOrder[a.group] - spoilOrder[b.group] })
			if pick(4) && !t.op.lists && (t.op.addressed || t.op.changes) {
				if t.then(thens[rnd.IntN(len(thens))], &r) {
					r.wait = []time.Duration{0, 20 * time.Second}[rnd.IntN(2)]
				}
			}
			t.reactions = append(t.reactions, r)
		}
		all = append(all, t)
	}
	return all
}

// spoilOrder is the order in which a reply is spoiled: what makes a body, what encodes it, what
// cuts it.
var spoilOrder = map[string]int{"status": -3, "body": -2, "encoding": -1, "cut": 1}

// then has somebody else do something, where it makes sense.
func (t *trial) then(what string, r *reaction) bool {
	if !t.op.addressed && what != "new name taken" || t.holder {
		return false
	}
	r.then = what
	return true
}

// TestHostileServer makes thousands of calls to a server that misbehaves, and judges each by all
// invariants.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	var (
		mu     sync.Mutex
		broken = map[string][]string{}
		well   int
	)
	all := trials()
	if *hostileOnly != "" {
		all = slices.DeleteFunc(all, func(tr *trial) bool { return !strings.Contains(tr.String(), *hostileOnly) })
	}
	t.Run("calls", func(t *testing.T) {
		for chunk := range slices.Chunk(all, 250) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for _, trial := range chunk {
						time.Sleep(time.Duration(1e9-time.Now().Nanosecond()) + 300*time.Millisecond)
						trial.run(t)
						mu.Lock()
						if trial.err == nil {
							well++
						}
						for i, inv := range invariants {
							if _, ends := causes(trial.err); !ends && i != 1 {
								continue // its text has no end
							}
							if what := inv.broken(trial); what != "" {
								broken[inv.name] = append(broken[inv.name], fmt.Sprintf("%v\n\t\t%.300s", trial, what))
								if *hostileOnly != "" {
									broken[inv.name] = append(broken[inv.name], trial.story())
								}
							}
						}
						mu.Unlock()
						trial.server = nil // and its history
					}
				})
			})
		}
	})
	t.Logf("%d calls, %d of them succeeded", len(all), well)
	assert.Greater(t, well, len(all)/20, "hardly any call succeeds: the server does nothing but misbehave")
	for _, inv := range invariants {
		t.Run(inv.name, func(t *testing.T) {
			if b := broken[inv.name]; len(b) > 0 {
				t.Errorf("%s: broken by %d calls, such as\n\t%s", inv.name, len(b), strings.Join(b[:min(len(b), *hostileShow)], "\n\t"))
			}
		})
	}
}

// story tells what happened in a trial.
func (t *trial) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "target %s\n", t.target)
	for _, x := range t.server.log {
		fmt.Fprintf(&b, "\t\t%d: %s %.100s: target %s, commit %v %d, effect %s, reply %d class %s date %s\n", x.n, x.method, x.uri, x.target, x.commit, x.status, x.effect,
			x.reply.status, x.classOf(t.successOf(x), 30*time.Second), x.reply.header.Get("Date"))
	}
	fmt.Fprintf(&b, "\t\t→ %v", t.err)
	return b.String()
}

// TestBombs: what a server packs into a few KiB takes no more memory than what was requested may
// take. It does not run beside others, whose memory would count.
func TestBombs(t *testing.T) {
	page := func(item string, n int) []byte {
		return compressed([]byte(`{"conversations":[` + strings.Repeat(item+",", n-1) + item + `],"meta":{}}`))
	}
	for name, bomb := range map[string]struct {
		status int
		body   []byte
	}{
		"300,000 empty conversations": {200, page(`{}`, 300_000)},
		"300,000 nulls":               {200, page(`null`, 300_000)},
		"100,000 conversations":       {200, page(`{"sid":"CH00000000000000000000000000000001"}`, 100_000)},
		"a refusal of 20 MiB":         {404, compressed(bytes.Repeat([]byte(" "), 20<<20))},
		"a refusal of many members":   {404, compressed([]byte("{" + strings.Repeat(`"a":{},`, 300_000) + `"b":1}`))},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 48 << 20
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				return rawResponse(t, req, bomb.status, bomb.body), nil
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Conversations.Page(t.Context(), client.ListParams{})
			runtime.ReadMemStats(&after)
			taken := after.TotalAlloc - before.TotalAlloc
			assert.LessOrEqualf(t, taken, uint64(limit), "%d KiB on the wire took %d MiB", len(bomb.body)>>10, taken>>20)
			assert.Error(t, err)
		})
	}
}
