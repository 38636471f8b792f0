package conversationstest

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An endless body is not held in memory.
func TestCheckedBodyIsBounded(t *testing.T) {
	t.Parallel()
	body := &checkedBody{ReadCloser: io.NopCloser(zeros{}), check: func([]byte) { t.Error("checked") }}
	_, err := io.CopyN(io.Discard, body, maxChecked+(1<<20))
	assert.NoError(t, err)
	assert.Empty(t, body.read)
	assert.NoError(t, body.Close())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
