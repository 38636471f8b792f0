package client

import "net/url"

// CursorOf returns the cursor of page 1 of a list, which has the given token.
func (r *Conversations) CursorOf(params ListParams, token string) Cursor {
	_, query, err := r.newList(params, nil)
	if err != nil {
		panic(err)
	}
	cursor, err := nextCursor(r.listDigest(query), "?Page=1&PageToken="+url.QueryEscape(token))
	if err != nil {
		panic(err)
	}
	return cursor
}
