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
	// Service is the Conversation Service that the checks work in. Empty means the account's
	// default service.
	Service string
}

// Options configures a run. With the zero value, a run does nothing that Twilio's documents advise
// against, but it writes without a pause.
type Options struct {
	// Only limits the run to the rules whose ID it matches. Nil means all rules.
	Only *regexp.Regexp
	// WriteInterval is the minimum time between two writes. Zero means no limit.
	WriteInterval time.Duration
	// Slow enables the checks that wait for timers, ten minutes in total.
	Slow bool
	// Burst enables the checks that exceed the documented write rate.
	Burst bool
	// Advance makes time pass at the server. Nil means that the run waits instead.
	Advance func(time.Duration)
	// Webhooks makes a server like the target deliver webhooks to a receiver. An error says why the
	// server cannot have the settings. If Webhooks is nil, the rules of webhooks remain unknown.
	Webhooks func(settings WebhookSettings, receiver http.Handler) (WebhookServer, error)
	// Transport sends the requests. Nil means [http.DefaultTransport].
	Transport http.RoundTripper
	// Progress is called before each rule with the number of rules done. Before the cleanup, it is
	// called without an ID.
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
	// Detail says how the server differs, or why the outcome is unknown.
	Detail string `json:"detail,omitempty"`
}

// Report is the outcome of a run.
type Report struct {
	Time    time.Time `json:"time"`
	Server  string    `json:"server"` // its host
	Results []Result  `json:"results"`
	// Created is the number of creates that were sent. Left is the number of conversations that may
	// not have been deleted.
	Created int `json:"created"`
	Left    int `json:"left"`
	// Prefix is the prefix of the names of all conversations that the run created.
	Prefix string `json:"prefix"`
}

// Count returns how many rules had an outcome, among those with the given sources or among all.
func (r *Report) Count(outcome Outcome, sources ...Source) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == outcome && (len(sources) == 0 || slices.Contains(sources, result.Source)) {
			n++
		}
	}
	return n
}

// NamePrefix is the prefix of all names that a run generates.
const NamePrefix = "fidelity-"

// MaxCreates is the maximum number of conversations that a run without bursts creates.
const MaxCreates = 140

// cleanupTime is the maximum time for deleting what a run created, once it is over or interrupted.
const cleanupTime = 5 * time.Minute

// Run checks a server, one rule after another, and deletes what the checks created. If ctx ends, it
// still deletes, and reports the remaining rules as unknown. An error means that the server could
// not be reached or refused the credentials. In that case, nothing was created.
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
	defer func() { // even if a check panics
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

// reach checks that the server responds and accepts the credentials.
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

// redact removes what a report must not repeat, in case a server sent it back.
func (s *session) redact(text string) string {
	for _, secret := range []string{s.target.Username, s.target.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// cleanUp deletes what the session created and returns how many conversations may be left. It has
// its own context, because that of the run may have ended.
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

// gone deletes one conversation and reports whether it no longer exists.
func (s *session) gone(path string) (ok bool) {
	defer func() {
		if _, failed := recover().(verdict); failed {
			ok = false
		}
	}()
	res := s.delete(path)
	return res.status == http.StatusNoContent || res.status == http.StatusNotFound
}

// findLost finds the conversations of creates whose response had no SID. They were created since
// the run began and have the run's prefix. It reports whether it has seen all.
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
