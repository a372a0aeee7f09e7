// Package httpserver knows how HTTP reaches DBFleet: the Echo server with its
// limits and headers, who a request comes from and whether that role may use
// the route, what every error looks like to the caller, and the monitor server
// with health and Asynqmon. It knows no operation of the API: package httpapi
// registers those, and its document says which role each one needs.
//
// A request passes, in this order: request id, deadline, compression, log line,
// panic, headers, size limits, pace and login, permission, and then the route's
// own handler. A route that nobody gave a permission is closed to everybody.
package httpserver
