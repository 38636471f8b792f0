package client_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

var (
	chaosTime = flag.Duration("chaos", 0, "for how long to hunt; by default a fixed number of calls is made")
	chaosSeed = flag.Uint64("chaos.seed", 1, "the first seed")
)

// chaosNames are few, so that they change hands all the time.
var chaosNames = []string{"alpha", "beta", "gamma/1", "delta 2", "epsilon", "zeta?", "eta#", "theta"}

// chaosCall is a call and what the client reported about it.
type chaosCall struct {
	name      string // by which its requests are known
	what      string // create, update, rename, delete, fetch
	id        string // SID or unique name
	asked     string // the friendly name or unique name that it sets, which no other call sets
	began     time.Time
	from, to  int // moments
	got       *client.Conversation
	err       error
	exchanges []*exchange
	attempts  []*exchange // those for the operation itself
	effects   []*exchange
	looks     []*exchange
	byName    bool // addressed by a unique name
}

// chaosFault is what goes wrong with a request: mostly nothing.
func chaosFault(rnd *rand.Rand, x *exchange) {
	faults := []struct {
		odds   int
		commit int // in 2
		spoil  misbehaviour
	}{
		{12, 1, statusIs(503)},
		{4, 1, statusIs(502)},
		{8, 1, misbehaviours[1]}, // closed without a reply
		{4, 1, misbehaviours[3]}, // silence
		{4, 2, misbehaviour{do: func(r *reply, _ *exchange) { r.missing = (len(r.body) + 1) / 2 }}},
		{6, 0, statusIs(429)},
		{4, 0, misbehaviour{name: "connection refused", do: func(*reply, *exchange) {}}},
	}
	x.commit = true
	n := rnd.IntN(100)
	for _, f := range faults {
		if n -= f.odds; n < 0 {
			x.spoil = []misbehaviour{f.spoil}
			x.commit = rnd.IntN(2) < f.commit
			x.refused = f.spoil.name == "connection refused"
			return
		}
	}
}

// beyondReach reports whether what a request did is one of those things of which the package
// documentation says that nothing can be done without an idempotency key. Nothing is excused but
// here and in beyondReachToo.
func (c *chaosCall) beyondReach(s *truthServer, x *exchange) bool {
	if c.what == "create" {
		// The conversation that an earlier attempt made has lost the name since: nothing shows that
		// it ever was.
		for _, earlier := range c.effects {
			if earlier.n < x.n && slices.ContainsFunc(s.history[earlier.effect], func(v conversationstest.Conversation) bool { return v.UniqueName == c.id }) {
				return true // the server would have refused it otherwise
			}
		}
		return false
	}
	// A conversation that is addressed by its unique name has lost it to another one between two
	// attempts. The client can find out that the other one is newer than the call, if it looks; not
	// that it is older and was given the name meanwhile, and not what happens after it has looked.
	if !c.byName || x.holder.SID == "" || x.holder.SID == c.attempts[0].target {
		return false
	}
	if x.holder.DateCreated.Before(c.began.Truncate(time.Second)) {
		return true
	}
	for _, look := range slices.Backward(c.looks) {
		if look.n < x.n {
			return look.target != x.target && look.status == http.StatusOK
		}
	}
	return false
}

// beyondReachToo is the same for what a rename returned: a conversation that is older than the call
// and that somebody else gave the new name, when the one that the call addressed by its unique name
// was gone.
func (c *chaosCall) beyondReachToo() bool {
	return c.what == "rename" && c.byName && c.got.DateCreated.Before(c.began.Truncate(time.Second))
}

// judge compares what the client said with what the server did.
func (c *chaosCall) judge(s *truthServer) (what string) {
	created := 0
	for _, x := range c.effects {
		if x.status == http.StatusCreated && !c.beyondReach(s, x) {
			created++
		}
	}
	first := ""
	for _, x := range c.attempts {
		if x.mayHaveBeenDone() || x.effect != "" {
			first = x.target
			break
		}
	}
	did := func(sid string) bool {
		return slices.ContainsFunc(c.effects, func(x *exchange) bool { return x.effect == sid })
	}
	if created > 1 {
		return "created twice"
	}
	if c.what != "create" {
		for _, x := range c.effects {
			if x.effect != first && !c.beyondReach(s, x) {
				return fmt.Sprintf("changed %s (created %v), although it began with %s", x.effect, x.holder.DateCreated, first)
			}
		}
	}
	if c.err != nil {
		e, ok := errors.AsType[*client.Error](c.err)
		switch {
		case !ok:
			return fmt.Sprintf("failed with %T: %v", c.err, c.err)
		case len(c.effects) > 0 && !e.Unclear:
			return fmt.Sprintf("was carried out on %s, and failed with %v", c.effects[0].effect, c.err)
		}
		return ""
	}
	switch c.what {
	case "delete":
		if did(first) {
			return ""
		}
		for _, x := range c.attempts { // documented: gone is what was requested
			if x.target == "" {
				return ""
			}
		}
		for _, x := range c.looks {
			if x.target != first {
				return ""
			}
		}
		if gone, ok := s.gone[first]; !ok || gone > c.to {
			return "succeeded, and " + first + " is still there"
		}
	case "fetch":
		if !s.was(c.got, c.from) {
			return fmt.Sprintf("fetched %+v, which never was", c.got)
		}
		if c.got.SID != c.id && c.got.UniqueName != c.id {
			return "fetched another: " + c.got.SID
		}
	default:
		switch {
		case !did(c.got.SID) && !c.beyondReachToo():
			return "succeeded, and did nothing to " + c.got.SID
		case !s.was(c.got, c.from):
			return fmt.Sprintf("returned %+v, which never was", c.got)
		}
	}
	return ""
}

func (c *chaosCall) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s (%s), began %v, moments %d to %d\n", c.name, c.what, c.id, c.asked, c.began, c.from, c.to)
	for _, x := range c.exchanges {
		fmt.Fprintf(&b, "\t\t\trequest %d at %d: %s %s stood for %s; carried out with %d", x.n, x.at, x.method, x.uri, cmp.Or(x.target, "nothing"), x.status)
		if x.effect != "" {
			fmt.Fprintf(&b, " on %s", x.effect)
		}
		if len(x.spoil) > 0 {
			fmt.Fprintf(&b, "; reply: %s %d", x.spoil[0].name, x.reply.status)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\t\t\t→ %v", c.err)
	return b.String()
}

func randomly(rnd *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(int64(most)))
}

// chaos lets 32 callers and another actor loose on one server, and returns what the client got
// wrong.
func chaos(t *testing.T, seed uint64, callsEach int) (wrong []string, calls, unclear int) {
	s := newTruthServer(t)
	s.deadline = 0
	requests := map[string]uint64{} // of a call, so that its faults do not depend on what else is going on
	s.plan = func(x *exchange) {
		requests[x.call]++
		name := fnv.New64a()
		fmt.Fprint(name, x.call)
		chaosFault(rand.New(rand.NewPCG(seed, name.Sum64()+requests[x.call])), x)
	}
	defer s.transport.CloseIdleConnections()
	var seeds []conversationstest.Conversation
	for i, name := range chaosNames {
		seeds = append(seeds, conversationstest.Conversation{UniqueName: name, DateCreated: time.Now().Add(-time.Duration(i+1) * time.Hour)})
	}
	_, err := s.emulator.Seed(seeds...)
	require.NoError(t, err)
	c := s.newClient(t, client.WithAttemptTimeout(5*time.Second))

	var mu sync.Mutex
	var all []*chaosCall
	var working sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for worker := range 32 {
		working.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(worker)))
			sid := ""
			for i := range callsEach {
				time.Sleep(randomly(rnd, 2*time.Second))
				call := &chaosCall{name: fmt.Sprintf("%d/%d", worker, i), id: chaosNames[rnd.IntN(len(chaosNames))], byName: true}
				call.asked = "set by " + call.name
				if sid != "" && rnd.IntN(3) == 0 {
					call.id, call.byName = sid, false
				}
				s.mu.Lock()
				call.from, call.began = s.moment, time.Now()
				s.mu.Unlock()
				ctx := context.WithValue(ctx, callKey{}, call.name)
				switch n := rnd.IntN(10); {
				case n < 3:
					call.what, call.byName = "create", false
					params := client.CreateParams{FriendlyName: &call.asked}
					if call.id = ""; rnd.IntN(4) > 0 {
						call.id = chaosNames[rnd.IntN(len(chaosNames))]
						params.UniqueName = &call.id
					}
					if call.got, call.err = c.Conversations.Create(ctx, params); call.err == nil {
						sid = call.got.SID
					}
				case n < 6:
					call.what = "update"
					call.got, call.err = c.Conversations.Update(ctx, call.id, client.UpdateParams{FriendlyName: &call.asked})
				case n < 7:
					call.what = "rename"
					call.asked = chaosNames[rnd.IntN(len(chaosNames))]
					call.got, call.err = c.Conversations.Update(ctx, call.id, client.UpdateParams{UniqueName: &call.asked})
				case n < 9:
					call.what = "delete"
					call.err = c.Conversations.Delete(ctx, call.id)
				default:
					call.what = "fetch"
					call.got, call.err = c.Conversations.Fetch(ctx, call.id)
				}
				s.mu.Lock()
				call.to = s.moment
				s.mu.Unlock()
				mu.Lock()
				all = append(all, call)
				mu.Unlock()
			}
		})
	}
	var other sync.WaitGroup
	other.Go(func() { // the second actor changes, renames, deletes and creates again
		rnd := rand.New(rand.NewPCG(seed, 1000))
		for i := 0; ctx.Err() == nil; i++ {
			name := chaosNames[rnd.IntN(len(chaosNames))]
			path := "Conversations/" + url.PathEscape(name)
			switch rnd.IntN(5) {
			case 0:
				s.act(http.MethodPost, path, url.Values{"FriendlyName": {fmt.Sprintf("another's %d", i)}})
			case 1:
				s.act(http.MethodPost, path, url.Values{"UniqueName": {chaosNames[rnd.IntN(len(chaosNames))]}})
			case 2:
				s.act(http.MethodDelete, path, nil)
			case 3, 4:
				s.act(http.MethodDelete, path, nil)
				s.act(http.MethodPost, "Conversations", url.Values{"UniqueName": {name}, "FriendlyName": {fmt.Sprintf("another's %d", i)}})
			}
			time.Sleep(randomly(rnd, 400*time.Millisecond))
		}
	})
	working.Wait()
	stop()
	other.Wait()
	s.serving.Wait()

	byCall := map[string][]*exchange{}
	for _, x := range s.log {
		byCall[x.call] = append(byCall[x.call], x)
	}
	for _, call := range all {
		call.exchanges = byCall[call.name]
		for _, x := range call.exchanges {
			if x.method == http.MethodGet && call.what != "fetch" {
				call.looks = append(call.looks, x)
				continue
			}
			call.attempts = append(call.attempts, x)
			if x.effect != "" {
				call.effects = append(call.effects, x)
			}
		}
		if e, ok := errors.AsType[*client.Error](call.err); ok && e.Unclear {
			unclear++
		}
		if what := call.judge(s); what != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s\n\t\tseed %d, call %v", call.what, what, seed, call))
		}
	}
	return wrong, len(all), unclear
}

// TestChaos compares every report of the client with the server's truth, while callers and faults
// get in each other's way.
func TestChaos(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var wrong []string
	calls, unclear := 0, 0
	for seed := *chaosSeed; seed == *chaosSeed || time.Since(began) < *chaosTime; seed++ {
		synctest.Test(t, func(t *testing.T) {
			w, c, u := chaos(t, seed, 30)
			wrong, calls, unclear = append(wrong, w...), calls+c, unclear+u
		})
	}
	t.Logf("%d calls, %d of them unclear", calls, unclear)
	assert.Less(t, unclear, calls/3, "so unclear that it says nothing")
	byKind := map[string]int{}
	for _, w := range wrong {
		byKind[strings.Join(strings.Fields(w)[:2], " ")]++
	}
	if len(wrong) > 0 {
		t.Errorf("the client is wrong about %d of %d calls %v, such as\n\t%s", len(wrong), calls, byKind, strings.Join(wrong[:min(len(wrong), *hostileShow)], "\n\t"))
	}
}
