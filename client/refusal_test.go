package client

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMoreInfo(t *testing.T) {
	t.Parallel()
	const site = "https://www.twilio.com/"
	for s, ok := range map[string]bool{
		site + "docs/errors/50353":        true,
		site + "docs/api_v2/a-b":          true,
		site + strings.Repeat("a", 177):   true,
		site + strings.Repeat("a", 178):   false,
		site + "docs?a=b":                 false,
		site + "Docs":                     false,
		"docs/errors/50353":               false,
		"":                                false,
		"http://www.twilio.com/docs":      false,
		"https://www.twilio.com.example/": false,
	} {
		assert.Equal(t, ok, isMoreInfo(s), s)
	}
}
