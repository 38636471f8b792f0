// Package conversations is the root of the Twilio Conversations client. It has nothing to import:
// programs import the package client, or gen for the bare generated client.
package conversations

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config api/oapi-codegen.yaml api/openapi.yaml
