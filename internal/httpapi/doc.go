// Package httpapi translates between HTTP and the domain: openapi.yaml describes
// the API, gen/ holds the interface that is generated from it, and there is one
// file of handlers per noun. A request is checked against the document before a
// handler sees it; a handler calls one service and shapes the answer. It knows
// no rule and no SQL, and leaves every error to the server's one table.
package httpapi
