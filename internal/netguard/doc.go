// Package netguard knows which network addresses a worker may connect to, and
// makes every connection to a target database: it checks the address after DNS,
// closes the connection when its job ends, and caps the bytes that a job reads.
// It knows no engine and no protocol, and it decides no retry.
//
// The allow list is a comma-separated list of entries of the form prefix:ports.
//
//	10.0.0.0/8:3306|5432     a network and two ports
//	192.168.1.7:5432-5440    one address (/32) and a range of ports
//	[fd00::]/8:5432          IPv6 in brackets, the length behind them
//	172.16.0.0/12:*          every port
//
// Some addresses are denied even to an entry that covers them: loopback,
// link-local, multicast, cloud metadata and the like, see special. They need an
// entry that names them literally, that is, one whose prefix lies wholly inside
// the special range: 127.0.0.0/8 or 127.0.0.1/32 name loopback, 0.0.0.0/0 does
// not, and 169.254.0.0/16 names link-local but not the metadata address in it.
// A server of our own needs an entry with exactly its address and its port.
package netguard
