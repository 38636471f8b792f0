package conversationstest

// resource is a conversation as the API shows it. A member that joins the description is added here
// and in [call.resource].
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

type bindings struct {
	Email *emailBinding `json:"email,omitempty"`
}

type emailBinding struct {
	ProjectedAddress *string `json:"projected_address"`
	Name             *string `json:"name"`
}

// resource renders a conversation in the form of path that was called.
func (c *call) resource(conv *conversation) resource {
	url := c.collection + "/" + conv.sid.String()
	r := resource{
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
		r.Timers.DateInactive = date(instant(conv.Inactive))
	}
	if conv.Closed != 0 {
		r.Timers.DateClosed = date(instant(conv.Closed))
	}
	if conv.EmailAddress != "" || conv.EmailName != "" {
		r.Bindings.Email = &emailBinding{orNull(conv.EmailAddress), orNull(conv.EmailName)}
	}
	return r
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// date renders a time to the second, as the API does.
func date(i instant) string { return i.time().Format("2006-01-02T15:04:05Z") }
