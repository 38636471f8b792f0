package client

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Cursor identifies a page of a list. It is opaque text that can be stored and used by another
// process, for as long as Twilio accepts the page token in it. Twilio does not document how long that is.
// An empty cursor identifies the first page.
//
// A cursor belongs to a list: to its service, State, StartDate and EndDate. Any other list refuses it
// with a [*ParamError]; the page size may differ. A cursor stored before version 0.1.0 is refused as well:
// list again without it.
type Cursor string

// cursorVersion begins every cursor. What follows is the digest of the list, the index of the page, a checksum
// of its token, and the token: c1.0a1b2c3d.2.4e5f6a7b:PT…
const cursorVersion = "c1"

// checksum notices a token that was cut or changed where the cursor was stored. Twilio may respond to it with
// an empty page, after which a list would seem to be complete.
func checksum(token string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, token)
	return fmt.Sprintf("%08x", h.Sum32())
}

// listDigest identifies the list that a query asks for a page of.
func (r *Conversations) listDigest(query gen.ListConversationParams) string {
	h := fnv.New32a()
	fmt.Fprintln(h, strings.ToLower(r.scope.service)) // the case of a SID does not matter
	query.PageSize, query.Page, query.PageToken = nil, nil, nil
	selection, _ := json.Marshal(query) // no error: its fields are strings
	_, _ = h.Write(selection)
	return fmt.Sprintf("%08x", h.Sum32())
}

const errPageURL = fault("the URL of the next page has no page token")

// nextCursor returns the cursor of the page that a URL in a response names. The URL is not followed: its
// host may differ from the configured one and must not see the credentials. The token is sent to the
// configured host instead, with the parameters of the list.
func nextCursor(digest, pageURL string) (Cursor, error) {
	if pageURL == "" {
		return "", nil
	}
	u, err := url.Parse(pageURL)
	if err != nil {
		return "", errPageURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Get("PageToken") == "" {
		return "", errPageURL
	}
	index, err := strconv.Atoi(query.Get("Page"))
	if err != nil || index < 0 {
		index = 0 // it is the client's own count; the token alone decides
	}
	token := query.Get("PageToken")
	return Cursor(fmt.Sprintf("%s.%s.%d.%s:%s", cursorVersion, digest, index, checksum(token), token)), nil
}

// parse returns the index and token of a page of the list with the given digest. They are zero for an
// empty cursor.
func (c Cursor) parse(digest string) (index int, token string, err error) {
	if c == "" {
		return 0, "", nil
	}
	head, token, _ := strings.Cut(string(c), ":")
	parts := strings.Split(head, ".")
	if len(parts) == 4 {
		index, err = strconv.Atoi(parts[2])
	}
	if len(parts) != 4 || parts[0] != cursorVersion || err != nil || index < 0 || token == "" {
		return 0, "", &ParamError{Param: "Cursor", Reason: "not a cursor of a list, or one stored before version 0.1.0: list again without it"}
	}
	if parts[1] != digest {
		return 0, "", &ParamError{Param: "Cursor", Reason: "belongs to another list: use the service, State, StartDate and EndDate it was made with"}
	}
	if parts[3] != checksum(token) {
		return 0, "", &ParamError{Param: "Cursor", Reason: "must be whole: it was cut or changed where it was stored"}
	}
	return index, token, nil
}

// token returns the page token of a cursor.
func (c Cursor) token() string {
	_, token, _ := strings.Cut(string(c), ":")
	return token
}

// cycle notices that the pages of a list go round in circles without remembering all of them: it
// compares each page with the one before it and with one marked page (Brent's algorithm). It marks the 1st,
// 2nd, 4th, 8th … page. Once the mark lies within the circle and the circle is shorter than the way to
// the next mark, the marked page comes again: before three times as many pages were seen as there are.
type cycle struct {
	pages        int
	last, marked string // tokens, since a server counts pages as it likes
}

// newCycle returns a cycle that has seen the page at which a list begins.
func newCycle(begin Cursor) *cycle {
	return &cycle{pages: 1, last: begin.token(), marked: begin.token()}
}

// repeats reports whether the page is known to have been seen before.
func (c *cycle) repeats(next Cursor) bool {
	token := next.token()
	if token != "" && (token == c.last || token == c.marked) {
		return true
	}
	c.last = token
	if c.pages++; c.pages&(c.pages-1) == 0 {
		c.marked = token
	}
	return false
}
