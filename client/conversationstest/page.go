package conversationstest

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 50
	maxPageSize     = 1000
	tokenTime       = "2006-01-02T15:04:05.000Z"
)

// listing is a list request, checked.
type listing struct {
	state    state
	from, to int64  // creation, both inclusive
	filters  string // as they were asked for, for page URLs
	pageSize int
	page     uint64
	after    *position // where the page before ended; nil on the first
	token    string
	stripped bool // the token has no milliseconds
}

func (e *Emulator) parseListing(query url.Values) (l listing, _ *apiError) {
	l = listing{from: math.MinInt64, to: math.MaxInt64, pageSize: defaultPageSize, token: query.Get("PageToken")}
	for _, name := range []string{"StartDate", "EndDate", "State"} {
		if value := query.Get(name); value != "" {
			l.filters += name + "=" + queryEscape(value) + "&"
		}
	}
	if text := query.Get("StartDate"); text != "" {
		first, _, ok := parseDate(text)
		if !ok {
			return l, invalid("StartDate is not an ISO 8601 date or time")
		}
		l.from = first
	}
	if text := query.Get("EndDate"); text != "" {
		_, last, ok := parseDate(text)
		if !ok {
			return l, invalid("EndDate is not an ISO 8601 date or time")
		}
		l.to = last
	}
	if text := query.Get("State"); text != "" {
		var ok bool
		if l.state, ok = parseState(text); !ok {
			return l, invalid("State is not one of active, inactive, closed and initializing")
		}
	}
	if text := query.Get("PageSize"); text != "" {
		n, err := strconv.ParseUint(text, 10, 62)
		switch {
		case err != nil || n < 1:
			return l, invalid("PageSize is not a positive number")
		case n > maxPageSize:
			return l, fail(http.StatusBadRequest, 20007, "Page size too large, the maximum is %d", maxPageSize)
		}
		l.pageSize = min(int(n), e.maxPageSize)
	}
	if text := query.Get("Page"); text != "" {
		var err error
		if l.page, err = strconv.ParseUint(text, 10, 62); err != nil {
			return l, invalid("Page is not a number")
		}
	}
	if l.token != "" {
		after, stripped, ok := parseToken(l.token)
		if !ok {
			return l, invalid("PageToken is invalid")
		}
		l.after, l.stripped = &after, stripped
	}
	return l, nil
}

// token says where a page ends: PT, the state and the creation time of its last conversation, to
// exactly the millisecond, and its SID.
func token(c *conversation) string {
	return fmt.Sprintf("PT%s_%s_%s", c.state, time.UnixMilli(c.created).UTC().Format(tokenTime), c.sid)
}

// parseToken also recognises a token that lost the fraction of its seconds on the way.
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
	after.created = t.UnixMilli()
	return after, false, true
}

// page copies the conversations of one page, with the tokens of the pages around it. The cost depends
// on the size of the page alone.
func (s *store) page(l listing) (items []conversation, next string, previous string) {
	if s == nil || l.stripped {
		return nil, "", ""
	}
	index := s.byDate[l.state]
	start := position{created: l.to, sid: sid{}}
	for i := range start.sid {
		start.sid[i] = 0xff
	}
	if l.after != nil && start.before(*l.after) {
		start = *l.after
	}
	index.AscendGreaterOrEqual(&conversation{position: start}, func(c *conversation) bool {
		switch {
		case c.created < l.from:
			return false
		case l.after != nil && c.position == *l.after:
			return true
		case len(items) == l.pageSize:
			next = token(&items[len(items)-1])
			return false
		}
		items = append(items, *c)
		return true
	})
	if l.after == nil {
		return items, next, ""
	}
	// The page before holds as many conversations as this one may, the last being at l.after. It has a
	// token if there is a conversation before it, and is the first page otherwise.
	n := 0
	index.DescendLessOrEqual(&conversation{position: *l.after}, func(c *conversation) bool {
		if c.created > l.to {
			return false
		}
		if n++; n > l.pageSize {
			previous = token(c)
		}
		return previous == ""
	})
	return items, next, previous
}

// listEnvelope is the body of a page.
type listEnvelope struct {
	Conversations []resource `json:"conversations"`
	Meta          listMeta   `json:"meta"`
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
