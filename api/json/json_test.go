package json_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api/json"
)

// node has what documents of the API have: text, numbers, times, objects in objects, and lists.
type node struct {
	Text  string              `json:"text"`
	Count int                 `json:"count"`
	At    time.Time           `json:"at"`
	Sub   struct{ A, B part } `json:"sub"`
	Meta  *part               `json:"meta"`
	Items json.Array[node]    `json:"items"`
}

type part struct {
	X string `json:"x"`
	Y string `json:"y"`
	Z *part  `json:"z"`
}

func TestTheLastMemberCountsWholly(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ repeated, want string }{
		{`{"text":"a","text":"b"}`, `{"text":"b"}`},
		{`{"count":1,"count":null}`, `{}`},
		{`{"sub":{"A":{"x":"1"}},"sub":{"B":{"y":"2"}}}`, `{"sub":{"B":{"y":"2"}}}`},
		{`{"sub":{"A":{"x":"1"},"A":{"y":"2"}}}`, `{"sub":{"A":{"y":"2"}}}`},
		{`{"meta":{"x":"1","z":{"x":"2"}},"text":"t","meta":{"y":"3","z":{"y":"4"},"z":{}}}`, `{"text":"t","meta":{"y":"3","z":{}}}`},
		{`{"meta":{"x":"1"},"meta":{"x":"2"} , "meta" : {"y":"3"}}`, `{"meta":{"y":"3"}}`},
		{`{"meta":{"x":"1"},"meta":null}`, `{"meta":null}`},
		{`{"meta":null,"meta":{"y":"1"}}`, `{"meta":{"y":"1"}}`},
		{`{"meta":{"x":"1"},"\u006deta":{"y":"2"}}`, `{"meta":{"y":"2"}}`},
		{`{"items":[{"text":"a","sub":{"A":{"x":"1"}}},{}],"items":[{"count":2,"sub":{"A":{"x":"1"}},"sub":{}}]}`, `{"items":[{"count":2,"sub":{}}]}`},
		{`{"unknown":{"a":1,"a":2},"meta":{"x":"1"},"unknown":3}`, `{"meta":{"x":"1"}}`},
		{"{\"unk\xff\":1,\"meta\":{\"x\":\"1\"},\"unk\xff\":2,\"meta\":{\"y\":\"\xff\"}}", "{\"meta\":{\"y\":\"\xff\"}}"},
	} {
		var got, want node
		require.NoError(t, json.Unmarshal([]byte(row.repeated), &got), "%s", row.repeated)
		require.NoError(t, json.Unmarshal([]byte(row.want), &want))
		assert.Equal(t, want, got, "%s", row.repeated)
	}
}

func TestMalformedDocumentsAreErrors(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		"", "{", `{"text":"a"}{}`, `{"text":"a"} x`, `{"text":1}`, `{"items":{}}`, `{"items":1}`, `{"items":[`, `{"items":[{}`, `{"items":[{},]}`,
		`{"items":[1]}`, `{"count":1,"count":2`, `{"count":1,"count":2,}`, `{"count":1,"count":2} {"a`, `{"count":1,"count":"2"}`, `{"count":1,"count`,
		strings.Repeat(`{"sub":`, 20_000),
	} {
		var v node
		assert.Error(t, json.Unmarshal([]byte(document), &v), "%.40s", document)
	}

	// A document that is cut short can be told from one that is malformed, also where members repeat.
	for document, cut := range map[string]bool{
		`{"count":1,"text":"`: true, `{"count":1,"count":2,"te`: true, `{"count":1,"count":2`: true,
		`{"count":1,}`: false, `{"count":1,"count":2,}`: false, `{"count":1,"count":2]`: false,
	} {
		var v node
		err := json.Unmarshal([]byte(document), &v)
		assert.Equal(t, cut, errors.Is(err, io.ErrUnexpectedEOF), "%s: %v", document, err)
	}
}

// Only members count as members, however many colons and items there are.
func TestColonsAndItemsAreNoMembers(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(":", 100_001)
	var v node
	require.NoError(t, json.Unmarshal([]byte(`{"text":"`+text+`","other":[`+strings.Repeat("0,", 250_000)+`0]}`), &v))
	assert.Equal(t, text, v.Text)
}

func TestArray(t *testing.T) {
	t.Parallel()
	items := func(n int) []byte {
		return []byte(`{"items":[` + strings.TrimSuffix(strings.Repeat(`{"text":"a"},`, n), ",") + `]}`)
	}
	for _, n := range []int{0, 1, 1000} {
		var v node
		require.NoError(t, json.Unmarshal(items(n), &v))
		assert.NotNil(t, v.Items)
		require.Len(t, v.Items, n)
		for _, item := range v.Items {
			assert.Equal(t, node{Text: "a"}, *item)
		}
	}
	var v node
	assert.ErrorIs(t, json.Unmarshal(items(1001), &v), json.ErrTooManyItems)
	require.NoError(t, json.Unmarshal([]byte(`{"items":null}`), &v))
	assert.Nil(t, v.Items)
	require.NoError(t, json.Unmarshal([]byte(`{"items":[null]}`), &v))
	assert.Equal(t, json.Array[node]{{}}, v.Items, "an item is never nil")
}

// What a document can take is bounded, whatever it is made of.
func TestMemoryIsBounded(t *testing.T) {
	many := func(begin, end string, each func(i int) string) []byte {
		var b bytes.Buffer
		b.WriteString(begin)
		for i := range 1_000_000 {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(each(i))
		}
		b.WriteString(end)
		return b.Bytes()
	}
	for name, document := range map[string][]byte{
		"items":         many(`{"items":[`, `]}`, func(int) string { return `{}` }),
		"members":       many(`{`, `}`, func(i int) string { return fmt.Sprintf(`"%x":0`, i) }),
		"of one object": many(`{"items":[{"other":{`, `}}]}`, func(i int) string { return fmt.Sprintf(`"%x":0`, i) }),
		"repeated":      many(`{`, `}`, func(int) string { return `"text":"a"` }),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var v node
		assert.Error(t, json.Unmarshal(document, &v), name)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}

// FuzzTheLastMemberCounts writes a random document twice: with members that a later one replaces, and without
// them. Both decode to the same.
func FuzzTheLastMemberCounts(f *testing.F) {
	for i := range 50 {
		f.Add(bytes.Repeat([]byte{byte(i), byte(i * 7), byte(i * 31), byte(255 - i)}, i%20+1))
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		w := writer{seed: seed}
		w.object(0)
		var got, want node
		errRepeated := json.Unmarshal(w.repeated.Bytes(), &got)
		errOnce := json.Unmarshal(w.once.Bytes(), &want)
		if errRepeated != nil || errOnce != nil {
			t.Fatalf("%v, %v: %s", errRepeated, errOnce, w.repeated.Bytes())
		}
		assert.Equal(t, want, got, "%s\n%s", w.repeated.Bytes(), w.once.Bytes())
	})
}

// writer writes the two documents; what is random in them comes from the seed.
type writer struct {
	seed           []byte
	repeated, once bytes.Buffer
	replaced       int // how many members that are being written are replaced later
}

func (w *writer) choose(n int) int {
	if len(w.seed) == 0 {
		return 0
	}
	b := w.seed[0]
	w.seed = w.seed[1:]
	return int(b) % n
}

func (w *writer) both(text string) {
	w.repeated.WriteString(text)
	if w.replaced == 0 {
		w.once.WriteString(text)
	}
}

// The names of each kind of object and the kinds of their values.
var members = [][]struct {
	name string
	kind rune
}{
	{{"text", '"'}, {"count", '0'}, {"at", 't'}, {"sub", 's'}, {"meta", 'p'}, {"items", '['}, {"other", 'p'}},
	{{"A", 'p'}, {"B", 'p'}, {"other", '"'}},
	{{"x", '"'}, {"y", '"'}, {"z", 'p'}, {"other", '['}},
}

func (w *writer) object(kind int) {
	w.both("{")
	chosen := make([]int, w.choose(5))
	last := map[int]int{}
	for i := range chosen {
		chosen[i] = w.choose(len(members[kind]))
		last[chosen[i]] = i
	}
	first := true // of those that count
	for i, choice := range chosen {
		if i > 0 {
			w.repeated.WriteString(",")
		}
		m := members[kind][choice]
		if last[choice] != i {
			w.replaced++
		} else if w.replaced == 0 {
			if !first {
				w.once.WriteString(",")
			}
			first = false
		}
		name := `"` + m.name + `"`
		if w.choose(4) == 0 {
			name = fmt.Sprintf(`"\u%04x%s"`, m.name[0], m.name[1:])
		}
		w.both(name + strings.Repeat(" ", w.choose(2)) + ":")
		w.value(m.kind)
		if last[choice] != i {
			w.replaced--
		}
	}
	w.both("}")
}

func (w *writer) value(kind rune) {
	if w.choose(6) == 0 {
		w.both("null")
		return
	}
	switch kind {
	case '"':
		w.both(fmt.Sprintf(`"%c{,:\"}"`, 'a'+w.choose(26)))
	case '0':
		w.both(fmt.Sprint(w.choose(100)))
	case 't':
		w.both(fmt.Sprintf(`"2026-01-%02dT00:00:00Z"`, 1+w.choose(28)))
	case 's':
		w.object(1)
	case 'p':
		w.object(2)
	case '[':
		w.both("[")
		for i := range w.choose(3) {
			if i > 0 {
				w.both(",")
			}
			w.object(0)
		}
		w.both("]")
	}
}
