package webhook_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
)

const (
	authToken = "0123456789abcdef0123456789abcdef"
	hookURL   = "https://example.com/twilio"
)

// sign is the signature of a request as Twilio describes it. Whether that is right is not for these
// tests to say: TestSignatures has signatures of Twilio's, and testdata/interop its own validators.
func sign(token, calledURL string, params url.Values) string {
	var pairs []string
	for name, values := range params {
		for _, value := range values {
			pairs = append(pairs, name+"\x00"+value)
		}
	}
	sort.Strings(pairs)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(calledURL + strings.ReplaceAll(strings.Join(pairs, ""), "\x00", "")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// post is a request as Twilio sends it to a URL.
func post(calledURL string, params url.Values) *http.Request {
	req := httptest.NewRequest(http.MethodPost, calledURL, strings.NewReader(params.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("I-Twilio-Idempotency-Token", "0d2f8c4a-7b61-4e0e-9c43-5f7a1b2c3d4e")
	req.Header.Set("X-Twilio-Signature", sign(authToken, calledURL, params))
	return req
}

// get is a request as Twilio sends it to a URL that is configured with the method GET.
func get(calledURL string, params url.Values) *http.Request {
	if strings.Contains(calledURL, "?") {
		calledURL += "&" + params.Encode()
	} else {
		calledURL += "?" + params.Encode()
	}
	req := httptest.NewRequest(http.MethodGet, calledURL, nil)
	req.Header.Set("I-Twilio-Idempotency-Token", "0d2f8c4a-7b61-4e0e-9c43-5f7a1b2c3d4e")
	req.Header.Set("X-Twilio-Signature", sign(authToken, calledURL, nil))
	return req
}
