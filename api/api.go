// Package api has the OpenAPI description of the Conversation endpoints. It is the source of the
// generated client. Tests and tools use it to validate requests and responses.
package api

import _ "embed"

// OpenAPI is the OpenAPI 3.0 document, as YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
