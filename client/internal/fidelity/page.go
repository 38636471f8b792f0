package fidelity

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// walk follows the pages of the window, with two conversations each.
func (s *session) walk(more ...string) []listed {
	return fixture(s, "walk "+strings.Join(more, " "), func() []listed {
		page := s.list(s.window().all(append(more, "PageSize", "2")...)...)
		pages := []listed{page}
		for page.next() != "" && len(pages) < 10 {
			page = s.pageAt(page.next())
			pages = append(pages, page)
		}
		return pages
	})
}

// second is the second page of the walk.
func (s *session) second() listed {
	pages := s.walk()
	want(len(pages) > 1, "there is no next page")
	return pages[1]
}

// nextQuery is the query of the first page's next_page_url.
func (s *session) nextQuery() (raw string, values url.Values) {
	u, err := url.Parse(s.walk()[0].next())
	want(err == nil && u.RawQuery != "", "there is no next page")
	return u.RawQuery, u.Query()
}

// The token of a page has the form that one was seen to have: PT, the state, the time of creation
// and the SID.
var tokenForm = regexp.MustCompile(`^PT(active|inactive|closed|initializing)_\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z_CH[0-9a-f]{32}$`)

// largestPageSize is the maximum of PageSize.
const largestPageSize = 1000

func pageRules() []Rule {
	return []Rule{
		{ID: "page.size", Sentence: "A page has at most PageSize conversations, and page_size says how many.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				first := s.walk()[0]
				want(len(first.items()) == 2, "it has %d instead of 2", len(first.items()))
				want(first.number("meta", "page_size") == 2, "page_size is %s", show(first.at("meta", "page_size")))
			}},
		{ID: "page.size-default", Sentence: "PageSize is 50 where none was sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				got := s.list(s.window().all()...).at("meta", "page_size")
				want(got == 50.0, "page_size is %s", show(got))
			}},
		{ID: "page.size-100", Sentence: "PageSize may be 100.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				got := s.list(s.window().all("PageSize", "100")...).at("meta", "page_size")
				want(got == 100.0, "page_size is %s", show(got))
			}},
		{ID: "page.size-above-100", Sentence: fmt.Sprintf("A PageSize above 100, up to %d, is taken as 100.", largestPageSize),
			Source: Assumed, Reference: resourcePage, check: func(s *session) {
				got := s.list(s.window().all("PageSize", strconv.Itoa(largestPageSize))...).at("meta", "page_size")
				want(got == 100.0, "page_size is %s", show(got))
			}},
		{ID: "page.next", Sentence: "Following next_page_url visits every conversation once, in order.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				var sids []string
				for _, page := range s.walk() {
					sids = append(sids, page.sids()...)
				}
				want(slices.Equal(sids, s.window().sids), "it visits %d of %d conversations, or in another order", len(sids), len(s.window().sids))
			}},
		{ID: "page.last", Sentence: "next_page_url of the last page is null.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				meta := &response{value: s.list(s.window().all()...).at("meta")}
				want(meta.has("next_page_url") && meta.at("next_page_url") == nil, "it is not null")
			}},
		{ID: "page.last-full", Sentence: "next_page_url is null also where the last page is full.",
			Source: Assumed, check: func(s *session) {
				page := s.list(s.window().all("PageSize", "5")...)
				want(page.next() == "", "there is a next page")
			}},
		{ID: "page.number", Sentence: "page counts from 0, and on along next_page_url.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				for i, page := range s.walk() {
					want(page.at("meta", "page") == float64(i), "page %d is %s", i, show(page.at("meta", "page")))
				}
			}},
		{ID: "page.url", Sentence: "url of meta is the absolute URL of the page, in the form of path that was called.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				s.wantURL("url", s.walk()[0].text("meta", "url"), s.collection)
			}},
		{ID: "page.first", Sentence: "first_page_url leads to the first page, from any page.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				first := s.second().text("meta", "first_page_url")
				s.wantURL("first_page_url", first, s.collection)
				want(slices.Equal(s.pageAt(first).sids(), s.walk()[0].sids()), "it leads elsewhere")
			}},
		{ID: "page.previous-null", Sentence: "previous_page_url of the first page is null.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				meta := &response{value: s.walk()[0].at("meta")}
				want(meta.has("previous_page_url") && meta.at("previous_page_url") == nil, "it is not null")
			}},
		{ID: "page.previous", Sentence: "previous_page_url leads to the page before.",
			Source: Assumed, Reference: responsePage, check: func(s *session) {
				pages := s.walk()
				want(len(pages) > 2, "there are too few pages")
				for i := 1; i < 3; i++ {
					previous := pages[i].text("meta", "previous_page_url")
					want(previous != "", "page %d has none", i)
					want(slices.Equal(s.pageAt(previous).sids(), pages[i-1].sids()), "that of page %d leads elsewhere", i)
				}
			}},
		{ID: "page.token", Sentence: "The page token is PT, a state, a time with milliseconds and a SID, with underscores between.",
			Source: Recorded, Reference: pageToken, check: func(s *session) {
				_, query := s.nextQuery()
				want(tokenForm.MatchString(query.Get("PageToken")), "it is %s", show(query.Get("PageToken")))
			}},
		{ID: "page.token-last", Sentence: "State, time and SID of the token are those of the last conversation on the page.",
			Source: Assumed, Reference: pageToken, check: func(s *session) {
				_, query := s.nextQuery()
				w := s.window()
				token := "PT" + windowStates[1] + "_" + strings.TrimSuffix(w.at[1], "Z") + ".000Z_" + w.sids[1]
				want(query.Get("PageToken") == token, "it is %s", show(query.Get("PageToken")))
			}},
		{ID: "page.url-order", Sentence: "Page URLs have PageSize, Page and PageToken in this order.",
			Source: Recorded, Reference: responseSeen, check: func(s *session) {
				raw, _ := s.nextQuery()
				want(regexp.MustCompile(`(^|&)PageSize=2&Page=1&PageToken=[^&]+$`).MatchString(raw), "the order is another")
			}},
		{ID: "page.filters", Sentence: "Page URLs have the filters of the request.",
			Source: Assumed, check: func(s *session) {
				_, query := s.nextQuery()
				want(query.Get("StartDate") == s.window().day && query.Get("EndDate") == s.window().day, "they are left out or changed")
			}},
		{ID: "page.filters-kept", Sentence: "A filter still holds on the pages that follow.",
			Source: Assumed, check: func(s *session) {
				w := s.window()
				var sids []string
				for _, page := range s.walk("State", "active") {
					sids = append(sids, page.sids()...)
				}
				want(slices.Equal(sids, []string{w.sids[0], w.sids[2], w.sids[4]}), "the pages have %d conversations instead of 3, or others", len(sids))
			}},
		{ID: "page.alone", Sentence: "Page without PageToken has no effect but on the numbers of pages.",
			Source: Assumed, Reference: responseSeen, check: func(s *session) {
				page := s.list(s.window().all("PageSize", "2", "Page", "1")...)
				want(slices.Equal(page.sids(), s.walk()[0].sids()), "other conversations come")
				want(page.number("meta", "page") == 1, "page is %s", show(page.at("meta", "page")))
			}},
		{ID: "page.stable", Sentence: "A conversation created between two pages shifts none.",
			Source: Assumed, check: func(s *session) {
				day := "198" + s.window().day[3:4] + "-04-01" // in none of the years of windows
				create := func(clock string) string {
					return s.conversation("UniqueName", s.name(), "DateCreated", day+"T"+clock+"Z").sid()
				}
				oldest, older := create("01:00:00"), create("02:00:00")
				newest := create("03:00:00")
				var first listed
				s.soon(func() bool {
					first = s.list("StartDate", day, "EndDate", day, "PageSize", "1")
					return slices.Contains(first.sids(), newest)
				})
				create("04:00:00")
				if first.next() == "" {
					differs("there is no next page")
				}
				second := s.pageAt(first.next())
				want(slices.Equal(second.sids(), []string{older}), "the next page repeats or skips one")
				if second.next() == "" {
					differs("there is no third page")
				}
				want(slices.Equal(s.pageAt(second.next()).sids(), []string{oldest}), "the third page repeats or skips one")
			}},
		{ID: "page.token-stripped", Sentence: "A token without its milliseconds leads to an empty page.",
			Source: Recorded, Reference: pageToken, check: func(s *session) {
				raw, query := s.nextQuery()
				token := query.Get("PageToken")
				stripped := regexp.MustCompile(`\.\d+`).ReplaceAllString(token, "")
				if stripped == token {
					cannotTell("the token has no milliseconds")
				}
				before, _, _ := strings.Cut(raw, "PageToken=")
				page := s.pageAt(s.collection + "?" + before + "PageToken=" + url.QueryEscape(stripped))
				want(len(page.items()) == 0, "it has %s conversations", strconv.Itoa(len(page.items())))
			}},
		{ID: "page.absolute", Sentence: "Page URLs are absolute, on the host that was called.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				s.wantURL("first_page_url", s.walk()[0].text("meta", "first_page_url"), s.collection)
				s.wantURL("next_page_url", s.walk()[0].next(), s.collection)
			}},
	}
}
