package conversationstest

import (
	"github.com/twilio-conversations-go/conversations/client"
)

// Client returns a client of the server with the credentials of its first account, ready to use. Each of
// its requests and answers is checked as [Server.HTTPClient] says. Options are those of
// [client.New]; one that does not hold fails the test at once. To test a region, use [client.New] with
// [client.WithHTTPClient] and [Server.HTTPClient]: whatever the host, its requests arrive here.
func (s *Server) Client(opts ...client.Option) *client.Client {
	s.tb.Helper()
	ready := []client.Option{client.WithBaseURL(s.URL), client.WithHTTPClient(s.HTTPClient())}
	c, err := client.New(client.BasicAuth(s.AccountSID, s.AuthToken), append(ready, opts...)...)
	if err != nil {
		s.tb.Fatal(err)
	}
	return c
}
