package conversationstest

import (
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 50
	tokenTime       = "2006-01-02T15:04:05.000Z"
)

// filters are the list parameters that select conversations, in the order in which page URLs have
// them. A new filter needs a line here. Its narrow function takes the value, which the checks have
// accepted, and limits the listing by its members or with where.
var filters = []struct {
	name   string
	narrow func(l *listing, value string)
}{
	{"StartDate", func(l *listing, value string) { l.from, _, _ = parseDate(value) }},
	{"EndDate", func(l *listing, value string) { _, l.to, _ = parseDate(value) }},
	{"State", func(l *listing, value string) { l.state, _ = parseState(value) }},
}

// listing is what a list request selects.
type listing struct {
	state    state
	from, to instant                      // creation, both inclusive
	where    []func(c *conversation) bool // all must hold
	filters  string                       // as requested, for page URLs
	pageSize int
	page     uint64
	after    *position // where the previous page ended; nil on the first
	token    string
	stripped bool // the token has no milliseconds

	// These members are variants; see Assume.
	oldestFirst bool
	skip        uint64 // conversations before the page
	emptyPage   bool   // a full last page leads to one
}

// everything returns the listing of all conversations.
func everything() listing { return listing{from: math.MinInt64, to: math.MaxInt64} }

func (e *Emulator) newListing(query url.Values) listing {
	l := everything()
	for _, filter := range filters {
		if value := query.Get(filter.name); value != "" {
			filter.narrow(&l, value)
			l.filters += filter.name + "=" + queryEscape(value) + "&"
		}
	}
	l.pageSize = defaultPageSize
	if text := query.Get("PageSize"); text != "" {
		l.pageSize, _ = strconv.Atoi(text)
	}
	l.pageSize = min(l.pageSize, e.maxPageSize)
	l.page, _ = strconv.ParseUint(query.Get("Page"), 10, 63)
	if l.token = query.Get("PageToken"); l.token != "" {
		after, stripped, _ := parseToken(l.token)
		l.after, l.stripped = &after, stripped
	}
	l.vary(query, e.variants)
	return l
}

// wants reports whether a conversation is in the listing. It ignores the time of creation.
func (l *listing) wants(c *conversation) bool {
	if l.state != anyState && l.state != c.State {
		return false
	}
	for _, holds := range l.where {
		if !holds(c) {
			return false
		}
	}
	return true
}

// token returns the page token for the end of a page: PT, the state, the creation time (to the
// millisecond) and the SID of the last conversation.
func token(c *conversation) string {
	return fmt.Sprintf("PT%s_%s_%s", c.State, c.Created.time().Format(tokenTime), c.sid)
}

// parseToken also recognizes a token whose fraction of a second was removed on the way.
func parseToken(text string) (after position, stripped, ok bool) {
	rest, ok := strings.CutPrefix(text, "PT")
	parts := strings.Split(rest, "_")
	if !ok || len(parts) != 3 {
		return after, false, false
	}
	if _, ok = parseState(parts[0]); !ok {
		return after, false, false
	}
	if after.sid, ok = parseSID(parts[2]); !ok {
		return after, false, false
	}
	t, err := time.Parse(tokenTime, parts[1])
	if err != nil {
		_, err = time.Parse("2006-01-02T15:04:05Z", parts[1])
		return after, true, err == nil
	}
	after.Created = toInstant(t)
	return after, false, true
}

func (e *Emulator) list(c *call, query, _ url.Values) answer {
	l := e.newListing(query)
	items, next, previous := e.page(c.key(), l)
	return answer{http.StatusOK, jsonHeader(), func(yield func([]byte) bool) {
		separator := `{"conversations":[`
		for i := range items {
			if !yield([]byte(separator)) || !yield(encode(c.resource(&items[i]))) {
				return
			}
			separator = ","
		}
		if len(items) == 0 && !yield([]byte(separator)) {
			return
		}
		_ = yield([]byte(`],"meta":`)) && yield(encode(l.meta(c.collection, next, previous))) && yield([]byte("}"))
	}}
}

// page returns the conversations of one page and the tokens of the pages around it. The cost
// depends only on the size of the page.
func (e *Emulator) page(key storeKey, l listing) (items []conversation, next, previous string) {
	if l.stripped {
		return nil, "", ""
	}
	for c := range e.walk(key, &l, l.start(), l.oldestFirst) {
		if l.after != nil && c.position == *l.after {
			continue
		}
		if l.skip > 0 {
			l.skip--
			continue
		}
		if len(items) == l.pageSize {
			next = token(&items[len(items)-1])
			break
		}
		items = append(items, *c)
	}
	if l.emptyPage && next == "" && len(items) == l.pageSize {
		next = token(&items[len(items)-1])
	}
	if l.after == nil {
		return items, next, ""
	}
	// The previous page holds as many conversations as this page may. Its last one is at l.after.
	// It has a token if a conversation precedes it; otherwise, it is the first page.
	n := 0
	for c := range e.walk(key, &l, *l.after, !l.oldestFirst) {
		if n++; n > l.pageSize {
			return items, next, token(c)
		}
	}
	return items, next, ""
}

// start returns the position where the listing begins or resumes.
func (l *listing) start() position {
	start := position{Created: l.to}
	for i := range start.sid {
		start.sid[i] = 0xff
	}
	if l.oldestFirst {
		start = position{Created: l.from}
	}
	if l.after != nil && (l.oldestFirst || start.before(*l.after)) {
		return *l.after
	}
	return start
}

// maxVisited is the maximum number of conversations that a walk visits before it unlocks the
// emulator.
const maxVisited = 5000

// walk yields the current conversations of a listing from a position, towards the oldest or
// backwards. A yielded conversation is valid until the next iteration.
//
// The emulator is locked meanwhile, but not all the time: a long walk may or may not include
// conversations that are created or removed during it.
func (e *Emulator) walk(key storeKey, l *listing, from position, backwards bool) iter.Seq[*conversation] {
	return func(yield func(*conversation) bool) {
		e.mu.Lock()
		e.fire(toInstant(e.now()))
		e.mu.Unlock()
		for more := true; more; {
			more = e.walkSome(key, l, &from, backwards, yield)
		}
	}
}

func (e *Emulator) walkSome(key storeKey, l *listing, from *position, backwards bool, yield func(*conversation) bool) (more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := toInstant(e.now())
	settled := e.settled(now)
	s := e.stores[key]
	if s == nil {
		return false
	}
	index := s.byDate[l.state]
	if !settled {
		// Due timers have not fired yet, so the index by state is out of date.
		index = s.byDate[anyState]
	}
	visited := 0
	var fired conversation // one for all: a million can be due
	visit := func(c *conversation) bool {
		if visited++; visited > maxVisited {
			*from, more = c.position, true
			return false
		}
		if c.Created < l.from || c.Created > l.to {
			return false
		}
		if !settled && c.isDue(now) {
			fired = c.asOf(now)
			c = &fired
		}
		return !l.wants(c) || yield(c)
	}
	if start := (&conversation{position: *from}); backwards {
		index.DescendLessOrEqual(start, visit)
	} else {
		index.AscendGreaterOrEqual(start, visit)
	}
	return more
}

type listMeta struct {
	Page            uint64  `json:"page"`
	PageSize        int     `json:"page_size"`
	FirstPageURL    string  `json:"first_page_url"`
	PreviousPageURL *string `json:"previous_page_url"`
	URL             string  `json:"url"`
	NextPageURL     *string `json:"next_page_url"`
	Key             string  `json:"key"`
}

func (l listing) meta(collection, next, previous string) listMeta {
	pageURL := func(page uint64, token string) string {
		u := fmt.Sprintf("%s?%sPageSize=%d&Page=%d", collection, l.filters, l.pageSize, page)
		if token != "" {
			u += "&PageToken=" + queryEscape(token)
		}
		return u
	}
	m := listMeta{
		Page:         l.page,
		PageSize:     l.pageSize,
		FirstPageURL: pageURL(0, ""),
		URL:          pageURL(l.page, l.token),
		Key:          "conversations",
	}
	if next != "" {
		m.NextPageURL = new(pageURL(l.page+1, next))
	}
	if l.token != "" {
		page := uint64(0)
		if previous != "" {
			page = max(l.page, 1) - 1
		}
		m.PreviousPageURL = new(pageURL(page, previous))
	}
	return m
}

// queryEscape escapes a query value as Twilio does in page URLs: colons stay unescaped.
func queryEscape(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "%3A", ":")
}
