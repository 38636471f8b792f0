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
	"os"
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
		"\u212a Zoë & Co. end":               "\u212a {UniqueName} end",
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
		assert.Equal(t, want, words(&url.Error{Op: "Get", URL: "KANARIE", Err: err}), "whatever wraps it")
	}
	for _, err := range []error{context.DeadlineExceeded, os.ErrDeadlineExceeded} {
		assert.Equal(t, "timeout", words(&url.Error{Op: "Get", URL: "KANARIE", Err: fmt.Errorf("KANARIE: %w", err)}))
	}
	for want, all := range map[string][]error{
		"connection reset":               {syscall.EPIPE},
		"host unreachable":               {syscall.ENETUNREACH},
		"connection closed":              {io.ErrUnexpectedEOF, net.ErrClosed},
		"TLS failure":                    {tls.AlertError(40), tls.RecordHeaderError{Msg: "KANARIE"}},
		"network error (read)":           {&net.OpError{Op: "read", Err: errors.New("KANARIE")}},
		"network error (write)":          {&net.OpError{Op: "write", Err: errors.New("KANARIE")}},
		"certificate not trusted":        {&tls.CertificateVerificationError{Err: errors.New("KANARIE")}},
		"transport error (*net.OpError)": {&net.OpError{Op: "KANARIE", Err: errors.New("KANARIE")}},
	} {
		for _, err := range all {
			assert.Equal(t, want, words(err), "%T", err)
		}
	}
}

// What could change how a line is shown becomes a blank, and nothing else does.
func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, r := range []rune{0, 0x1f, 0x7f, 0x9f, 0xad, 0x34f, 0x61c, 0x180e, 0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x206f,
		0xfe00, 0xfe0f, 0xfeff, 0xfff9, 0xfffb, 0xe0000, 0x10ffff} {
		assert.Equal(t, "a b", printable("a"+string(r)+"b"), "%U", r)
	}
	for _, r := range []rune{' ', '~', 0xa0, 0xac, 0xae, 0x34e, 0x350, 0x61b, 0x61d, 0x180d, 0x180f, 0x200a, 0x2010, 0x2027, 0x202f,
		0x205f, 0x2070, 0xfdff, 0xfe10, 0xfefe, 0xff00, 0xfff8, 0xfffc, 0xdffff} {
		assert.Equal(t, "a"+string(r)+"b", printable("a"+string(r)+"b"), "%U", r)
	}
}

// A text that is repeated is cut after 512 bytes, between two characters.
func TestBrief(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("x", 510)
	assert.Equal(t, x+"yz", brief(x+"yz"))
	assert.Equal(t, x+"yz…", brief(x+"yz."))
	assert.Equal(t, x+"…", brief(x+"日本"))
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

	err = newForeign("text", fmt.Errorf("wrapped: %w", &net.DNSError{Name: "host"}))
	dns, _ := errors.AsType[*net.DNSError](err)
	assert.Equal(t, "host", dns.Name)
	_, found = errors.AsType[*net.OpError](err)
	assert.False(t, found)
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
		{"order-😀", "order-😁"}, {"✅ 1", "❌ 1"}, {"😀", ""}, {"…", ""}, {"\u0308", ""}, {"x\u0301", "y\u0301"},
	} {
		assert.False(t, sameName(other[0], other[1]), other)
		assert.False(t, sameName(other[1], other[0]), other)
	}
}
