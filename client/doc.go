// Package client is a Go client of DBFleet's HTTP API, generated from the
// document that the server publishes (internal/httpapi/openapi.yaml). It knows
// requests and answers; it does not retry, page, or read configuration.
//
//	c, err := client.NewClientWithResponses("https://dbfleet.example.net/api/v1",
//		client.WithRequestEditorFn(client.Bearer(token)))
//	answer, err := c.GetSyncSessionWithResponse(ctx, id)
//	if answer.JSON200 == nil {
//		problem := answer.ApplicationproblemJSONDefault // what went wrong; nil if something else answered
//	}
package client
