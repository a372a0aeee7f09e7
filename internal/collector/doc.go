// Package collector knows what the ways to all engines' servers have in common:
// which targets are refused beforehand, how TLS is spoken in each mode and which
// field of an instance to change when that fails, how whatever went wrong becomes
// a fault that holds no secret, and how a snapshot grows and what leaves a gap in
// it.
//
// It speaks no engine's protocol and makes no connection; the packages below it
// do. What it promises about TLS the engines keep only together with it:
// collectortest looks at the bytes.
package collector
