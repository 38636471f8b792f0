package conversationstest

import (
	"github.com/twilio-conversations-go/conversations/client"
)

// Client returns a client of the server with the credentials of its first account. Its requests and
// responses are checked as described at [Server.HTTPClient].
//
// The options are those of [client.New]. An invalid option fails the test at once. To test a
// region, use [client.New] with [client.WithHTTPClient] and [Server.HTTPClient]: its requests
// arrive here, whatever host they name.
func (s *Server) Client(opts ...client.Option) *client.Client {
	s.tb.Helper()
	ready := []client.Option{client.WithBaseURL(s.URL), client.WithHTTPClient(s.HTTPClient())}
	c, err := client.New(client.BasicAuth(s.AccountSID, s.AuthToken), append(ready, opts...)...)
	if err != nil {
		s.tb.Fatal(err)
	}
	return c
}
