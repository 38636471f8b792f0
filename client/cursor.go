package client

import (
	"net/url"
	"strconv"
	"strings"
)

// Cursor stands for a page of a list. It is opaque text that can be stored, and used by another process, for
// as long as Twilio accepts the page token in it, which it does not document. It belongs to the parameters
// and the service of its list, which is not checked. An empty one stands for the first page.
type Cursor string

// nextCursor returns the cursor of the page that the URL names, which is not followed: its host may
// be another one than the one that is configured, and is not to see the credentials. The token is
// replayed on the configured host instead, with the parameters of the list.
func nextCursor(pageURL string) (Cursor, error) {
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
		index = 0 // it is the client's own count, the token alone counts
	}
	return Cursor(strconv.Itoa(index) + ":" + query.Get("PageToken")), nil
}

// parse returns the page index and token of the cursor, which are zero for an empty one.
func (c Cursor) parse() (index int, token string, err error) {
	if c == "" {
		return 0, "", nil
	}
	i, token, _ := strings.Cut(string(c), ":")
	index, err = strconv.Atoi(i)
	if err == nil && (index < 0 || token == "") {
		err = errPageURL
	}
	return index, token, err
}

func (c Cursor) token() string {
	_, token, _ := c.parse()
	return token
}
