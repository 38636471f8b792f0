package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A 429 halves a scan's requests once for all that were in flight with it, and each round without adds one.
func TestPool(t *testing.T) {
	t.Parallel()
	p := newPool(8)
	first, second := p.limited(), p.limited()
	first()
	assert.Equal(t, 4, p.size())
	second()
	assert.Equal(t, 4, p.size(), "it was in flight with the first")
	second()
	assert.Equal(t, 2, p.size(), "its retry was not")
	for range 3 {
		second()
	}
	assert.Equal(t, 1, p.size(), "at least one")
	p.succeeded()
	assert.Equal(t, 2, p.size())
	p.succeeded()
	p.succeeded()
	assert.Equal(t, 2, p.size(), "1/2 and 1/2.5 are less than a round")
	p.succeeded()
	assert.Equal(t, 3, p.size())
	for range 100 {
		p.succeeded()
	}
	assert.Equal(t, 8, p.size())
}

// A 429 takes three tenths off the rate, at most once in a second, and each second gives back a fortieth of the most.
func TestPaceRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pace{most: 40}
		assert.InDelta(t, 40, p.rate(), 1e-9)
		p.limited()
		assert.InDelta(t, 28, p.rate(), 1e-9)
		time.Sleep(999 * time.Millisecond)
		p.limited()
		assert.InDelta(t, 28.999, p.rate(), 1e-9)
		time.Sleep(time.Millisecond)
		p.limited()
		assert.InDelta(t, 0.7*29, p.rate(), 1e-9)
		time.Sleep(10 * time.Second)
		assert.InDelta(t, 0.7*29+10, p.rate(), 1e-9)
		time.Sleep(10 * time.Second)
		assert.InDelta(t, 40, p.rate(), 1e-9, "no more than the most")
	})
}
