// Package integrations shows the client with modules that it does not depend on, and tests that
// they work together.
package integrations

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// Spans have the name of the operation, which contains no id.
func TestSpansAreNamedByOperation(t *testing.T) {
	server := conversationstest.Start(t)
	spans := tracetest.NewSpanRecorder()
	transport := otelhttp.NewTransport(server.HTTPClient().Transport,
		otelhttp.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return client.Operation(r.Context()) }))
	c := server.Client(client.WithHTTPClient(&http.Client{Transport: transport}))
	_, err := c.Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1")})
	require.NoError(t, err)
	require.NoError(t, c.Conversations.Delete(t.Context(), "order-1"))
	var names []string
	for _, span := range spans.Ended() {
		names = append(names, span.Name())
	}
	assert.Equal(t, []string{"createConversation", "deleteConversation"}, names)
}

// A token source of golang.org/x/oauth2 keeps a token until it expires.
func Example_bearerToken() {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"a-token","token_type":"Bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	config := clientcredentials.Config{ClientID: "OQ1", ClientSecret: "secret", TokenURL: tokens.URL} // https://oauth.twilio.com/v2/token
	source := config.TokenSource(context.Background())
	auth := client.BearerToken(func(context.Context) (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	})

	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Println(req.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer api.Close()
	c, err := client.New(auth, client.WithBaseURL(api.URL))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Conversations.Delete(context.Background(), "order-1"))
	// Output:
	// Bearer a-token
	// <nil>
}
