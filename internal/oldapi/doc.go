// Package oldapi knows the routes that clients of the application before
// DBFleet call, and answers them in its words and shapes. It decides nothing of
// its own: sessions come from the same service as those of /api/v1.
//
// What it answers is fixed byte for byte: keys, their order, and the form of
// times are a promise to programs that nobody changes any more.
package oldapi
