// Command nethttp is the baseline for the cost of the other programs.
package main

import (
	"encoding/json"
	"net/http"
	"os"
)

func main() {
	resp, err := http.Get(os.Args[1])
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var answer any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		panic(err)
	}
}
