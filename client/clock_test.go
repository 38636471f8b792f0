package client

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A date is compared with the beginning of the call by both clocks, each as far as it is known.
func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().Add(10*time.Second + 800*time.Millisecond)
		time.Sleep(time.Until(began))
		second := began.Truncate(time.Second)
		ahead := func(d time.Duration) clock { // a clock of a server that is ahead by d, read after 400 ms
			c := clock{began: began}
			at := began.Add(400 * time.Millisecond)
			c.read(http.Header{"Date": {at.Add(d).UTC().Format(http.TimeFormat)}}, at, at)
			return c
		}
		for name, tc := range map[string]struct {
			clock                 clock
			date                  time.Time
			before, during, after bool
		}{
			"two seconds before":          {ahead(0), second.Add(-2 * time.Second), true, false, false},
			"the second before":           {ahead(0), second.Add(-time.Second), true, false, false},
			"the same second":             {ahead(0), second, false, true, false},
			"two seconds after":           {ahead(0), second.Add(2 * time.Second), false, true, true},
			"still to come":               {ahead(0), second.Add(time.Hour), false, false, false},
			"before by the local only":    {ahead(-time.Hour), second.Add(-2 * time.Second), false, false, false},
			"before by the server's only": {ahead(time.Hour), second.Add(2 * time.Second), false, false, false},
			"during by the server's only": {ahead(-time.Hour), second.Add(-time.Hour), false, false, false},
			"both ahead":                  {ahead(time.Hour), second.Add(time.Hour), false, true, false},
			"no clock of the server":      {clock{began: began}, second.Add(-time.Hour), false, false, false},
			"no date":                     {ahead(0), time.Time{}, false, false, false},
		} {
			assert.Equal(t, tc.before, tc.clock.before(tc.date, 0), "%s: before", name)
			assert.Equal(t, tc.during, tc.clock.during(tc.date, 0), "%s: during", name)
			assert.Equal(t, tc.after, tc.clock.after(tc.date), "%s: after", name)
		}

		c := ahead(0)
		assert.False(t, c.before(second.Add(-5*time.Second), clockSlack))
		assert.True(t, c.before(second.Add(-6*time.Second), clockSlack))
		assert.True(t, c.about(second.Add(-5*time.Second)))
		assert.False(t, c.about(second.Add(-6*time.Second)))

		// Dates that contradict each other say nothing.
		c.read(http.Header{"Date": {began.Add(10 * time.Second).UTC().Format(http.TimeFormat)}}, began, began)
		assert.False(t, c.before(second.Add(-time.Hour), 0))
		assert.False(t, c.about(second.Add(7*time.Second)))
		assert.False(t, c.after(second.Add(time.Hour)))
	})
}
