// Package api holds the OpenAPI description of the Conversation endpoints, the source of the
// generated client, for tests and tools that validate requests and answers against it.
package api

import _ "embed"

// OpenAPI is the OpenAPI 3.0 document, as YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
