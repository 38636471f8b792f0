package webhook

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// calledURL is the URL that Twilio called, as far as the server can tell.
type calledURL struct {
	scheme, host string
	path         string // with the query, as they were sent
}

// base returns the URL that Twilio called.
func (r *Receiver) base(req *http.Request) calledURL {
	u := calledURL{scheme: "http", host: req.Host, path: req.RequestURI}
	if req.TLS != nil {
		u.scheme = "https"
	}
	// The request line is what was called, even if a router has changed req.URL. It can hold an
	// absolute URL. A request that no server has read has none.
	if !strings.HasPrefix(u.path, "/") {
		u.path = req.URL.RequestURI()
	}
	if r.publicURL != nil {
		u.scheme, u.host = r.publicURL.Scheme, r.publicURL.Host
		if path := r.publicURL.EscapedPath(); path != "" {
			_, query, found := strings.Cut(u.path, "?")
			if u.path = path; found {
				u.path += "?" + query
			}
		}
		return u
	}
	if r.forwarded {
		u.scheme = strings.ToLower(cmp.Or(first(req.Header.Get("X-Forwarded-Proto")), u.scheme))
		u.host = cmp.Or(first(req.Header.Get("X-Forwarded-Host")), u.host)
	}
	return u
}

// first returns the first value of a header.
func first(values string) string {
	value, _, _ := strings.Cut(values, ",")
	return strings.TrimSpace(value)
}

// spellings returns the forms of the URL that may have been signed. Twilio signs it with or without
// the standard port. The path / that every request has need not be in the configured URL.
func (u calledURL) spellings() []string {
	hosts := []string{u.host}
	switch port := (&url.URL{Host: u.host}).Port(); {
	case port != "":
		hosts = append(hosts, strings.TrimSuffix(u.host, ":"+port))
	case u.scheme == "https":
		hosts = append(hosts, u.host+":443")
	default:
		hosts = append(hosts, u.host+":80")
	}
	paths := []string{u.path}
	if u.path == "/" || strings.HasPrefix(u.path, "/?") {
		paths = append(paths, u.path[1:])
	}
	var all []string
	for _, host := range hosts {
		for _, path := range paths {
			all = append(all, u.scheme+"://"+host+path)
		}
	}
	return all
}

// authentic reports whether a request was signed with one of the tokens: the URL, followed by each
// parameter of a POST and its value, sorted by name. If a name is repeated, each different value is
// signed, in order.
//
// See https://www.twilio.com/docs/usage/webhooks/webhooks-security
func (r *Receiver) authentic(base calledURL, params url.Values, signature string) bool {
	var signed strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values := slices.Clone(params[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			signed.WriteString(name)
			signed.WriteString(value)
		}
	}
	for _, token := range r.tokens {
		for _, u := range base.spellings() {
			mac := hmac.New(sha1.New, []byte(token))
			_, _ = io.WriteString(mac, u)
			_, _ = io.WriteString(mac, signed.String())
			if hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(signature)) {
				return true
			}
		}
	}
	return false
}
