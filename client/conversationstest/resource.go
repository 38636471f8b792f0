package conversationstest

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object with its members in the order in which the API shows them.
type object []member

type member struct {
	name  string
	value any
}

// encode writes the object. It is no MarshalJSON, whose results package json reads once more.
func (o object) encode(buf *bytes.Buffer, enc *json.Encoder) {
	buf.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString(`"` + m.name + `":`)
		encodeValue(m.value, buf, enc)
	}
	buf.WriteByte('}')
}

// resource is a conversation as the API shows it, in the form of path that was called. A member that
// joins the description is added here.
func (c *call) resource(conv *conversation) object {
	url := c.collection + "/" + conv.sid.String()
	timers, bindings := object{}, object{}
	if conv.Inactive != 0 {
		timers = append(timers, member{"date_inactive", date(instant(conv.Inactive))})
	}
	if conv.Closed != 0 {
		timers = append(timers, member{"date_closed", date(instant(conv.Closed))})
	}
	if conv.EmailAddress != "" || conv.EmailName != "" {
		bindings = object{{"email", object{
			{"projected_address", orNull(conv.EmailAddress)},
			{"name", orNull(conv.EmailName)},
		}}}
	}
	return object{
		{"account_sid", c.account.SID},
		{"chat_service_sid", c.service},
		{"messaging_service_sid", orNull(conv.MessagingService)},
		{"sid", conv.sid.String()},
		{"friendly_name", orNull(conv.FriendlyName)},
		{"unique_name", orNull(conv.UniqueName)},
		{"attributes", conv.Attributes},
		{"state", conv.State.String()},
		{"date_created", date(conv.Created)},
		{"date_updated", date(conv.Updated)},
		{"timers", timers},
		{"url", url},
		{"links", object{
			{"participants", url + "/Participants"},
			{"messages", url + "/Messages"},
			{"webhooks", url + "/Webhooks"},
			{"export", url + "/Export"},
		}},
		{"bindings", bindings},
	}
}

// orNull returns the value, or nil for zero, which the API shows as null.
func orNull[T comparable](value T) any {
	if value == *new(T) {
		return nil
	}
	return value
}

// date renders a time to the second, as the API does.
func date(i instant) string { return i.time().Format("2006-01-02T15:04:05Z") }
