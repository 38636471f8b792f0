package io_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api/io"
)

// own is a reader that knows better how to be read at once.
type own struct{ io.Reader }

func (own) ReadAll() ([]byte, error) { return []byte("its own"), nil }

func TestReadAll(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]io.Reader{"text": strings.NewReader("text"), "its own": own{strings.NewReader("text")}} {
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}
