package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const (
	apiHost  = "https://conversations.twilio.com"
	pageSize = 1000
	// The page bodies are composed once and then reused, so that serving costs next to nothing.
	distinctPages = 20
)

// serve is the server of all measurements. It sends canned responses from its own process, so that
// its own cost is not counted. The first path segment is the number of conversations.
func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var pages [distinctPages][]byte
	for i := range pages {
		var b bytes.Buffer
		b.WriteString(`{"conversations":[`)
		for j := range pageSize {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(conversation(random, i*pageSize+j, "", ""))
		}
		pages[i] = b.Bytes()
	}
	one := []byte(conversation(random, 0, fetchSID, uniqueName))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{total}/v1/Conversations", func(w http.ResponseWriter, r *http.Request) {
		total, _ := strconv.Atoi(r.PathValue("total"))
		page, _ := strconv.Atoi(strings.TrimPrefix(r.FormValue("PageToken"), "PT"))
		if r.FormValue("PageSize") != strconv.Itoa(pageSize) {
			http.Error(w, "only pages of 1000 are canned", http.StatusBadRequest)
			return
		}
		next := "null"
		if (page+1)*pageSize < total {
			next = fmt.Sprintf(`"%s/v1/Conversations?PageSize=%d&Page=%d&PageToken=PT%d"`, apiHost, pageSize, page+1, page+1)
		}
		meta := fmt.Sprintf(`],"meta":{"page":%d,"page_size":%d,"first_page_url":"%[3]s/v1/Conversations?PageSize=%[2]d&Page=0","previous_page_url":null,"url":"%[3]s/v1/Conversations?PageSize=%[2]d&Page=%[1]d","next_page_url":%[4]s,"key":"conversations"}}`,
			page, pageSize, apiHost, next)
		answer(w, http.StatusOK, pages[page%distinctPages], []byte(meta))
	})
	mux.HandleFunc("GET /{total}/v1/Conversations/{sid}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, one)
	})
	mux.HandleFunc("POST /{total}/v1/Conversations", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		answer(w, http.StatusCreated, one)
	})
	fmt.Printf("http://%s\n", l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(l, mux))
}

func answer(w http.ResponseWriter, status int, parts ...[]byte) {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(n))
	h.Set("Twilio-Request-Id", "RQ0123456789abcdef0123456789abcdef")
	h.Set("Twilio-Request-Duration", "0.021")
	h.Set("Twilio-Concurrent-Requests", "1")
	w.WriteHeader(status)
	for _, part := range parts {
		w.Write(part)
	}
}

// conversation composes a conversation of about 1.2 KB as Twilio shows it. SID and unique name are
// random unless given.
func conversation(random *rand.Rand, i int, self, name string) string {
	sid := func(prefix string) string {
		return fmt.Sprintf("%s%016x%016x", prefix, random.Uint64(), random.Uint64())
	}
	self = cmp.Or(self, sid("CH"))
	url := apiHost + "/v1/Conversations/" + self
	name = strconv.Quote(cmp.Or(name, fmt.Sprintf("order-%08d", random.IntN(1e8))))
	if i%5 == 4 {
		name = "null"
	}
	friendlyName := fmt.Sprintf("Order %d", i)
	if i%7 == 0 {
		friendlyName += " für Zoë"
	}
	created := fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+random.IntN(12), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60))
	timers := "{}"
	switch i % 4 {
	case 0:
		timers = fmt.Sprintf(`{"date_inactive":"%s","date_closed":"%s"}`, created, created)
	case 1:
		timers = fmt.Sprintf(`{"date_closed":"%s"}`, created)
	}
	bindings := "{}"
	if i%10 == 0 {
		bindings = `{"email":{"projected_address":"support@example.com","name":"Support"}}`
	}
	state := [...]string{"active", "active", "inactive", "closed"}[random.IntN(4)]
	return fmt.Sprintf(`{"account_sid":"AC00000000000000000000000000000001","chat_service_sid":"IS00000000000000000000000000000001",`+
		`"messaging_service_sid":"MG00000000000000000000000000000001","sid":%q,"friendly_name":%q,"unique_name":%s,`+
		`"attributes":"{ \"topic\": \"delivery\", \"order\": { \"id\": %d, \"total\": \"%d.%02d EUR\" }, \"customer\": \"%016x\", \"tags\": [\"web\", \"priority\"] }",`+
		`"state":%q,"date_created":%q,"date_updated":%q,"timers":%s,"url":%q,`+
		`"links":{"participants":"%[13]s/Participants","messages":"%[13]s/Messages","webhooks":"%[13]s/Webhooks","export":"%[13]s/Export"},"bindings":%[14]s}`,
		self, friendlyName, name,
		i, random.IntN(1000), random.IntN(100), random.Uint64(),
		state, created, created, timers, url, url, bindings)
}
