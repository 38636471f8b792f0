package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRedactor(t *testing.T) {
	t.Parallel()
	r := redactor{names: []string{"Zoë & Co.", "name", "a"}, secrets: []string{"tok/en+1"}}
	for text, want := range map[string]string{
		"of ZOË & co. here":                  "of {UniqueName} here",
		"path /Zo%C3%AB%20&%20Co. end":       "path /{UniqueName} end",
		"query x=Zo%c3%ab+%26+Co. end":       "query x={UniqueName} end",
		"component Zo%C3%AB%20%26%20Co. end": "component {UniqueName} end",
		"HTML Zoë &amp; Co. end":             "HTML {UniqueName} end",
		"tok/en+1 tok%2Fen%2B1":              "[redacted] [redacted]",
		"a cat, (a)":                         "{UniqueName} cat, ({UniqueName})",
		"the name and Zoë & Co.":             "the {UniqueName} and {UniqueName}",
		"a\u202eb\u200bc\x1b[31m\r\n":        "{UniqueName} b c [31m  ",
		strings.Repeat("x", maxText+1):       "too long",
		strings.Repeat("Zoë & Co.", 90):      strings.Repeat("{UniqueName}", 90),
		"half of one \xff":                   "half of one \ufffd",
	} {
		assert.Equal(t, want, r.text(text, "too long"))
	}
}

// The words for an error repeat nothing of its text.
func TestWords(t *testing.T) {
	t.Parallel()
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://x/KANARIE", Err: &net.OpError{Op: "dial", Err: err}}
	}
	for want, err := range map[string]error{
		"connection refused":                      dial(syscall.ECONNREFUSED),
		"connection reset":                        fmt.Errorf("KANARIE: %w", syscall.ECONNRESET),
		"connection closed":                       fmt.Errorf("KANARIE: %w", io.EOF),
		"no such host":                            dial(&net.DNSError{Err: "KANARIE", Name: "KANARIE", IsNotFound: true}),
		"timeout":                                 dial(&net.DNSError{Err: "KANARIE", IsTimeout: true}),
		"host unreachable":                        dial(syscall.EHOSTUNREACH),
		"network error (dial)":                    dial(errors.New("KANARIE")),
		"context canceled":                        &url.Error{Op: "Get", URL: "KANARIE", Err: context.Canceled},
		"certificate is for another host":         &url.Error{Op: "Get", URL: "KANARIE", Err: &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate), Host: "KANARIE"}}},
		"certificate expired or not yet valid":    &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "KANARIE"}},
		"certificate not trusted":                 &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"plain http response to an https request": &url.Error{Op: "Get", URL: "KANARIE", Err: http.ErrSchemeMismatch},
		"malformed HTTP response":                 &url.Error{Op: "Get", URL: "KANARIE", Err: errors.New("net/http: HTTP/1.x transport connection broken: malformed HTTP response \"KANARIE\"")},
		"the proxy responds 407 Proxy Authentication Required": &url.Error{Op: "Get", URL: "KANARIE", Err: errors.New("Proxy Authentication Required")},
		"transport error (*errors.errorString)":                &url.Error{Op: "Get", URL: "KANARIE", Err: errors.New("KANARIE")},
		string(errNotJSON):                                     fmt.Errorf("KANARIE: %w", errNotJSON),
	} {
		assert.Equal(t, want, words(err))
	}
}

// An error of another call is not found in that of this one, in whatever it is wrapped.
func TestForeignHidesErrorsOfOtherCalls(t *testing.T) {
	t.Parallel()
	other := &Error{Operation: "fetchConversation", Status: 404, cause: io.EOF}
	err := error(newForeign("text", fmt.Errorf("wrapped: %w", other)))
	assert.NotErrorIs(t, err, ErrNotFound)
	assert.NotErrorIs(t, err, other)
	_, found := errors.AsType[*Error](err)
	assert.False(t, found)
	assert.ErrorIs(t, err, io.EOF)
	assert.EqualError(t, err, "text")
}

// A name that a server may have normalised is the same one. One that it may not is another.
func TestSameName(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"Order-1", "order-1"}, {" order-1\t", "order-1"}, {"Zoë", "Zoe\u0308"}, {"ZOË", "zoë"}, {"がく", "か\u3099く"},
		{"한", "\u1112\u1161\u11ab"}, {"ﬁn", "fin"}, {"１２", "12"}, {"x²", "x2"}, {"Å", "\u212b"}, {"①", "1"}, {"𝐚", "a"}, {"🄰", "a"}, {" ", ""},
	} {
		assert.True(t, sameName(same[0], same[1]), same)
		assert.True(t, sameName(same[1], same[0]), same)
	}
	for _, other := range [][2]string{
		{"order-1", "order-2"}, {"order-1", ""}, {"order-1", "order-11"}, {"日本", "中国"}, {"заказ-1", "заказ-2"}, {"Zoë", "Zoe"}, {"a b", "ab"},
		{"order-😀", "order-😁"}, {"✅ 1", "❌ 1"}, {"😀", ""}, {"…", ""}, {"\u0308", ""},
	} {
		assert.False(t, sameName(other[0], other[1]), other)
		assert.False(t, sameName(other[1], other[0]), other)
	}
}
