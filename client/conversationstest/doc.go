// Package conversationstest emulates the Conversation endpoints of Twilio Conversations in memory, for
// tests of code that uses them.
package conversationstest
