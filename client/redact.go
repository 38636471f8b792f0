package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// fault is an error in words of this package. It repeats no text of others.
type fault string

// Error implements error.
func (f fault) Error() string { return string(f) }

// foreign is an error from outside this package, with a text that is safe to repeat. errors.Is and
// errors.As find the original, but no error of this package in it: the failure of another call says
// nothing about this one.
type foreign struct {
	text string
	err  func() error // a function, since fmt would print a field
}

func newForeign(text string, err error) foreign { return foreign{text, func() error { return err }} }

// Error implements error.
func (f foreign) Error() string { return f.text }

// Is reports whether the original error matches target.
func (f foreign) Is(target error) bool {
	switch target {
	case ErrNotFound, ErrUnauthorized, ErrForbidden, ErrConflict, ErrRateLimited, ErrClosed, ErrMaybeCreated:
		return false
	}
	if _, ok := target.(*Error); ok {
		return false
	}
	return errors.Is(f.err(), target)
}

// As sets target to the error of its type that the original error contains.
func (f foreign) As(target any) bool {
	if _, ok := target.(**Error); ok {
		return false
	}
	return errors.As(f.err(), target)
}

// contextError returns why the context has ended, with the cause if the caller gave one. It returns
// nil if the context has not ended.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == err { //nolint:errorlint // without a cause, it is the same value
		return err
	}
	why := redactor{}.text(cause.Error(), "its cause is too long to be repeated")
	return newForeign(fmt.Sprintf("%v: %s", err, brief(why)), errors.Join(err, cause))
}

// words describes an error of a transport or a parser in a few words. The error's own text may
// repeat anything that a server sent.
func words(err error) string {
	if f, ok := errors.AsType[fault](err); ok {
		return string(f)
	}
	var (
		timeout net.Error
		dns     *net.DNSError
		cert    x509.CertificateInvalidError
	)
	for _, known := range []struct {
		is   bool
		text string
	}{
		{errors.Is(err, context.Canceled), "context canceled"},
		{errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded), "timeout"},
		{errors.Is(err, syscall.ECONNREFUSED), "connection refused"},
		{errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "connection reset"},
		{errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH), "host unreachable"},
		{errors.As(err, &dns) && dns.IsNotFound, "no such host"},
		{is[x509.HostnameError](err), "certificate is for another host"},
		{errors.As(err, &cert) && cert.Reason == x509.Expired, "certificate expired or not yet valid"},
		{is[*tls.CertificateVerificationError](err), "certificate not trusted"},
		{errors.Is(err, http.ErrSchemeMismatch), "plain http response to an https request"},
		{is[tls.AlertError](err) || is[tls.RecordHeaderError](err), "TLS failure"},
		{errors.As(err, &timeout) && timeout.Timeout(), "timeout"},
		{errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed), "connection closed"},
		{strings.Contains(err.Error(), "transport connection broken"), "malformed HTTP response"}, // net/http has no type for it
	} {
		if known.is {
			return known.text
		}
	}
	for err != nil {
		if outer, ok := err.(*url.Error); ok { //nolint:errorlint // only the outermost errors count
			err = outer.Err
			continue
		}
		break
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "read" || op.Op == "write") {
		return "network error (" + op.Op + ")"
	}
	for status := 400; err != nil && status < 600; status++ {
		if err.Error() == http.StatusText(status) { // all that net/http says of a proxy that refuses to connect
			return "the proxy responds " + statusText(status)
		}
	}
	return fmt.Sprintf("transport error (%T)", err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// maxText is the maximum length in bytes of a foreign text that is repeated.
const maxText = 1 << 10

// brief shortens a text to what an error repeats of it. The whole error then stays at about 1 KiB.
func brief(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// redactor removes from foreign texts what must not be repeated: the unique names of a call, and
// its credentials.
type redactor struct {
	names   []string
	secrets []string
}

// learn adds the credentials of a request.
func (r *redactor) learn(req *http.Request) {
	scheme, credentials, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	r.secrets = append(r.secrets, credentials)
	if decoded, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.EqualFold(scheme, "Basic") {
		_, password, _ := strings.Cut(string(decoded), ":")
		r.secrets = append(r.secrets, password)
	}
}

// text returns s as one line without names and secrets. If s is longer than maxText, it returns
// tooLong instead.
func (r redactor) text(s, tooLong string) string {
	if len(s) > maxText {
		return tooLong
	}
	s = printable(s)
	type spelling struct{ of, by string }
	var spellings []spelling
	add := func(text, by string) {
		for _, s := range spelled(text) {
			spellings = append(spellings, spelling{lower(printable(s)), by})
		}
	}
	for _, secret := range r.secrets {
		add(secret, "[redacted]")
	}
	for _, name := range r.names {
		add(name, "{UniqueName}")
	}
	var b strings.Builder
	low := lower(s)
next:
	for i := 0; i < len(s); {
		for _, spelling := range spellings {
			if end := i + len(spelling.of); end > i && strings.HasPrefix(low[i:], spelling.of) && !inWord(low, i, end) {
				b.WriteString(spelling.by)
				i = end
				continue next
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// spelled returns the usual spellings of a text: plain, in a path, in a query, as a URI component
// and in HTML.
func spelled(s string) []string {
	query := url.QueryEscape(s)
	percent := strings.ReplaceAll(query, "+", "%20")
	component := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(percent)
	text := html.EscapeString(s)
	named := strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(text)
	hex := strings.NewReplacer("&#34;", "&#x22;", "&#39;", "&#x27;").Replace(text)
	return []string{s, url.PathEscape(s), query, percent, component, text, named, hex}
}

// inWord reports whether s[from:to] is shorter than four bytes and part of a longer word. A name
// such as a must not be replaced in every word.
func inWord(s string, from, to int) bool {
	return to-from < 4 && (from > 0 && isWord(s[from-1]) || to < len(s) && isWord(s[to]))
}

// isWord reports whether a byte of a text in lower case belongs to a word: an ASCII letter or
// digit, or part of any other character.
func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c >= utf8.RuneSelf
}

// lower returns s in lower case, except for letters whose length in bytes would change.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if l := unicode.ToLower(r); utf8.RuneLen(l) == utf8.RuneLen(r) {
			return l
		}
		return r
	}, s)
}

// printable replaces characters that could change how a line is shown: control characters, and
// those that set the direction of text or have no width.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', 0x7f <= r && r < 0xa0, r == 0xad, r == 0x34f, r == 0x61c, r == 0x180e,
			0x200b <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f,
			0xfe00 <= r && r <= 0xfe0f, r == 0xfeff, 0xfff9 <= r && r <= 0xfffb, r >= 0xe0000:
			return ' '
		}
		return r
	}, s)
}
