package conversationstest

// resource is a conversation as the API shows it, in the form of path that was called. Add a new
// member of the description here: to the type of its object, and to the value.
func (c *call) resource(conv *conversation) any {
	type email struct {
		ProjectedAddress *string `json:"projected_address"`
		Name             *string `json:"name"`
	}
	type bindings struct {
		Email *email `json:"email,omitempty"`
	}
	type timers struct {
		DateInactive string `json:"date_inactive,omitempty"`
		DateClosed   string `json:"date_closed,omitempty"`
	}
	type links struct {
		Participants string `json:"participants"`
		Messages     string `json:"messages"`
		Webhooks     string `json:"webhooks"`
		Export       string `json:"export"`
	}
	type resource struct {
		AccountSID          string   `json:"account_sid"`
		ChatServiceSID      string   `json:"chat_service_sid"`
		MessagingServiceSID *string  `json:"messaging_service_sid"`
		SID                 string   `json:"sid"`
		FriendlyName        *string  `json:"friendly_name"`
		UniqueName          *string  `json:"unique_name"`
		Attributes          string   `json:"attributes"`
		State               string   `json:"state"`
		DateCreated         string   `json:"date_created"`
		DateUpdated         string   `json:"date_updated"`
		Timers              timers   `json:"timers"`
		URL                 string   `json:"url"`
		Links               links    `json:"links"`
		Bindings            bindings `json:"bindings"`
	}
	url := c.collection + "/" + conv.sid.String()
	shown := &resource{
		AccountSID:          c.account.SID,
		ChatServiceSID:      c.service,
		MessagingServiceSID: orNull(conv.MessagingService),
		SID:                 conv.sid.String(),
		FriendlyName:        orNull(conv.FriendlyName),
		UniqueName:          orNull(conv.UniqueName),
		Attributes:          conv.Attributes,
		State:               conv.State.String(),
		DateCreated:         date(conv.Created),
		DateUpdated:         date(conv.Updated),
		URL:                 url,
		Links: links{
			Participants: url + "/Participants",
			Messages:     url + "/Messages",
			Webhooks:     url + "/Webhooks",
			Export:       url + "/Export",
		},
	}
	if conv.Inactive != 0 {
		shown.Timers.DateInactive = date(instant(conv.Inactive))
	}
	if conv.Closed != 0 {
		shown.Timers.DateClosed = date(instant(conv.Closed))
	}
	if conv.EmailAddress != "" || conv.EmailName != "" {
		shown.Bindings.Email = &email{
			ProjectedAddress: orNull(conv.EmailAddress),
			Name:             orNull(conv.EmailName),
		}
	}
	return shown
}

// orNull returns nil, which the API shows as null, for a zero value.
func orNull[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

// date formats a time to the second, as the API does.
func date(i instant) string { return i.time().Format("2006-01-02T15:04:05Z") }
