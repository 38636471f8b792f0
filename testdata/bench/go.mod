module github.com/twilio-conversations-go/conversations/testdata/bench

go 1.26

require (
	github.com/go-json-experiment/json v1.27.2
	github.com/twilio-conversations-go/conversations v0.0.0
	github.com/twilio/twilio-go v1.31.0
)

require (
	github.com/apapsch/go-jsonmerge/v2 v2.0.0 // indirect
	github.com/golang-jwt/jwt/v5 v5.2.2 // indirect
	github.com/golang/mock v1.6.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/oapi-codegen/runtime v1.8.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
)

replace github.com/twilio-conversations-go/conversations => ../..
