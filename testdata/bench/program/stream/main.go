// Command stream lists all conversations of a server and prints its maximum resident memory in kB.
// (The value that the kernel reports to the parent would include the parent's own memory.)
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/twilio-conversations-go/conversations/client"
)

func main() {
	c, err := client.New(client.BasicAuth("AC00000000000000000000000000000001", "secret"), client.WithBaseURL(os.Args[1]))
	if err != nil {
		panic(err)
	}
	n := 0
	for _, err := range c.Conversations.List(context.Background(), client.ListParams{PageSize: 1000}) {
		if err != nil {
			panic(err)
		}
		n++
	}
	if want := os.Args[2]; fmt.Sprint(n) != want {
		panic(fmt.Sprintf("%d conversations instead of %s", n, want))
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.Fields(peak)[0])
}
