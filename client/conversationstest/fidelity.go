// Code generated: made from client/internal/fidelity by TestTables. DO NOT EDIT.

// # Fidelity
//
// The emulator follows 272 rules. FIDELITY.md lists them, each with its source, and the command
// conversations-emulator probe checks them against Twilio or any other server.
//
//	documented   90  a page of Twilio's says so
//	recorded     54  a response of Twilio's was seen that way
//	assumed     128  Twilio documents nothing
//
// Do not let a test depend on what is assumed. For some of it [Assume] chooses a variant.
//
//	Operations: create.date-updated-default date.offset fetch.unique-name-slash
//	    update.empty-unique-name update.empty-attributes update.nothing delete.twice delete.closed
//	    service.unique-names form.unknown form.repeated query.unknown form.charset header.etag
//	The resource: attributes.verbatim bindings.update
//	Names and attributes: friendly-name.shared unique-name.longest unique-name.case unique-name.own
//	    unique-name.rename unique-name.update-taken unique-name.after-delete
//	    unique-name.after-close attributes.any-value
//	Lists: list.date-offset list.date-local list.date-milliseconds list.end-second
//	    list.empty-values list.order list.state-order
//	Pages: page.size-above-100 page.last-full page.previous page.token-last page.filters
//	    page.filters-kept page.alone page.stable
//	States: state.same state.closed-fetch-name state.close-again state.closed-empty-update
//	    state.closed-timers
//	Timers: timer.weeks timer.months timer.update timer.create-zero timer.update-zero timer.empty
//	    timer.restart timer.restart-date-updated timer.closed-first timer.date-updated timer.kept
//	    timer.not-restarted timer.revived
//	Webhooks: webhook.filters-default webhook.pre-by-rest webhook.timer-updated
//	    webhook.state-and-updated webhook.state-header webhook.no-change webhook.same-state
//	    webhook.create-delete-state webhook.event-reason webhook.update-requested
//	    webhook.change-attributes webhook.invalid-change webhook.refused-error webhook.other-status
//	    webhook.not-json webhook.lost-pre webhook.retry
//	Errors: error.20001-page-size error.20001-page error.20001-page-token error.20001-state
//	    error.20001-start-date error.20001-end-date error.20004 error.20004.text error.20007
//	    error.20007.text error.20404-update error.20404-service error.20404-service-form
//	    error.20404-path error.20404-slash error.20413 error.20415 error.50003 error.50003.text
//	    error.50004 error.50004.text error.50063.text error.50303 error.50303.text error.50308
//	    error.50308.text error.50309 error.50309.text error.50341 error.50341.text error.50374
//	    error.50374.text error.50375.status error.50376.status error.50378.status error.50378.text
//	    error.50378-initializing error.50379.status error.50379.text error.50380.status
//	    error.50380.text error.50384.status error.50384.text error.50390.status error.50390.text
//	    error.request-id error.path error.no-challenge error.no-retry-after error.allow
//	    error.order-credentials error.order-fields error.order-state
package conversationstest
