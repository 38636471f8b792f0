package fidelity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Target is the server under probe.
type Target struct {
	BaseURL            string
	Username, Password string // of HTTP Basic
	// Service is the Conversation Service that the checks work in; empty is the account's default
	// one.
	Service string
}

// Options say how a run goes about it. With the zero value it does nothing that Twilio's documents
// advise against, but writes without a pause.
type Options struct {
	// Only limits the run to the rules whose ID it matches. Nil runs all.
	Only *regexp.Regexp
	// WriteInterval is the shortest time between two writes. Zero is no limit.
	WriteInterval time.Duration
	// Slow runs the checks that wait for timers, ten minutes in all.
	Slow bool
	// Burst runs the checks that exceed the documented write rate.
	Burst bool
	// Advance lets time pass at the server in place of waiting.
	Advance func(time.Duration)
	// Webhooks lets a server like the target deliver webhooks to a receiver. An error says why it
	// cannot have the settings. Nil leaves the rules of webhooks unknown.
	Webhooks func(settings WebhookSettings, receiver http.Handler) (WebhookServer, error)
	// Transport sends the requests. Nil is [http.DefaultTransport].
	Transport http.RoundTripper
	// Progress is called before each rule with how many are done, and before the cleanup without an
	// ID.
	Progress func(done, all int, id string)
}

// Outcome is what a check found.
type Outcome string

// The outcomes of checks.
const (
	Holds   Outcome = "holds"
	Differs Outcome = "differs"
	Unknown Outcome = "cannot be told"
)

// Result is what the check of one rule found.
type Result struct {
	ID      string  `json:"id"`
	Source  Source  `json:"source"`
	Outcome Outcome `json:"outcome"`
	// Detail is what came instead, or why the outcome is unknown.
	Detail string `json:"detail,omitempty"`
}

// Report is the outcome of a run.
type Report struct {
	Time    time.Time `json:"time"`
	Server  string    `json:"server"` // its host
	Results []Result  `json:"results"`
	// Created is how many creates were sent, and Left how many conversations may not have been
	// deleted.
	Created int `json:"created"`
	Left    int `json:"left"`
	// Prefix begins the names of all conversations that the run created.
	Prefix string `json:"prefix"`
}

// Count returns how many rules had an outcome: those of some sources, or all.
func (r *Report) Count(outcome Outcome, sources ...Source) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == outcome && (len(sources) == 0 || slices.Contains(sources, result.Source)) {
			n++
		}
	}
	return n
}

// NamePrefix begins all names that a run makes up.
const NamePrefix = "fidelity-"

// MaxCreates is the maximum number of conversations that a run without bursts creates.
const MaxCreates = 140

// cleanupTime is how long a run may take to delete what it created, once it is over or interrupted.
const cleanupTime = 5 * time.Minute

// Run puts a server to the checks, one after the other, and deletes what they created. When ctx
// ends, it deletes that still, and reports the rules that are left as unknown. An error means that
// the server could not be reached or refused the credentials; nothing was created then.
func Run(ctx context.Context, target Target, options Options) (*Report, error) {
	s, err := newSession(ctx, target, options)
	if err != nil {
		return nil, err
	}
	if err := s.reach(); err != nil {
		return nil, err
	}
	rules := Rules()
	if options.Only != nil {
		rules = nil
		for _, rule := range Rules() {
			if options.Only.MatchString(rule.ID) {
				rules = append(rules, rule)
			}
		}
	}
	report := &Report{Time: s.started.UTC().Truncate(time.Second), Server: s.host, Prefix: s.prefix}
	progress := options.Progress
	if progress == nil {
		progress = func(int, int, string) {}
	}
	defer func() { // also when a check panics
		report.Created, report.Left = s.creates, s.cleanUp()
		for _, hooked := range s.hookedSessions {
			report.Created += hooked.creates
		}
	}()
	for i, rule := range rules {
		progress(i, len(rules), rule.ID)
		result := s.judge(rule)
		report.Results = append(report.Results, result)
	}
	progress(len(rules), len(rules), "")
	return report, nil
}

// reach finds out whether the server answers and takes the credentials.
func (s *session) reach() (err error) {
	defer func() {
		if v, ok := recover().(verdict); ok {
			err = errors.New(v.detail)
		}
	}()
	switch res := s.get(s.collection + "?PageSize=1"); {
	case res.status == http.StatusUnauthorized:
		return errors.New("the server refuses the credentials")
	case res.status != http.StatusOK:
		return fmt.Errorf("the server refuses to list conversations: %v", res)
	}
	return nil
}

// judge runs the check of a rule.
func (s *session) judge(rule Rule) (result Result) {
	result = Result{ID: rule.ID, Source: rule.Source, Outcome: Holds}
	switch {
	case rule.Needs&NeedsMinutes != 0 && !s.options.Slow && s.options.Advance == nil:
		result.Outcome, result.Detail = Unknown, "needs ten minutes: run it with -slow"
		return result
	case rule.Needs&NeedsBurst != 0 && !s.options.Burst:
		result.Outcome, result.Detail = Unknown, "would exceed the documented write rate"
		return result
	case rule.Needs&NeedsService != 0 && s.target.Service == "":
		result.Outcome, result.Detail = Unknown, "needs a service besides the default one: run it with -service"
		return result
	case rule.Needs&NeedsWebhooks != 0 && s.options.Webhooks == nil:
		result.Outcome, result.Detail = Unknown, "needs webhooks that reach the probe: run it with -webhook-url"
		return result
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case verdict:
			result.Outcome, result.Detail = v.outcome, s.redact(v.detail)
		default:
			panic(v)
		}
	}()
	rule.check(s)
	return result
}

// redact removes what a report must not repeat, should a server have sent it back.
func (s *session) redact(text string) string {
	for _, secret := range []string{s.target.Username, s.target.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// cleanUp deletes what the session created and returns how many conversations may be left. It has a
// context of its own: that of the run may have ended.
func (s *session) cleanUp() (left int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), cleanupTime)
	defer cancel()
	s.ctx = ctx
	for collection, creates := range s.unknown {
		if !s.findLost(collection) {
			left += creates
		}
	}
	for _, path := range s.created {
		if !s.gone(path) {
			left++
		}
	}
	for _, hooked := range s.hookedSessions {
		left += hooked.cleanUp()
	}
	return left
}

// gone deletes one conversation and reports whether it is no more.
func (s *session) gone(path string) (ok bool) {
	defer func() {
		if _, failed := recover().(verdict); failed {
			ok = false
		}
	}()
	res := s.delete(path)
	return res.status == http.StatusNoContent || res.status == http.StatusNotFound
}

// findLost finds the conversations that creates may have made without telling their SIDs: they were
// created since the run began and have the run's prefix. It reports whether it has seen all.
func (s *session) findLost(collection string) (all bool) {
	defer func() {
		if _, failed := recover().(verdict); failed {
			all = false
		}
	}()
	since := s.started.Add(-time.Hour).UTC().Format(time.RFC3339) // clocks differ
	next := collection + "?" + form("StartDate", since, "PageSize", "100").Encode()
	for range 100 {
		page := s.pageAt(next)
		for _, item := range page.items() {
			if strings.HasPrefix(item.text("friendly_name"), s.prefix) || strings.HasPrefix(item.text("unique_name"), s.prefix) {
				s.created = append(s.created, collection+"/"+url.PathEscape(item.sid()))
			}
		}
		if next = page.next(); next == "" {
			return true
		}
	}
	return false
}
