package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Keys is what this environment has of the key pair.
type Keys struct {
	Public  secret.KeyID   // empty: DBFLEET_PUBLIC_KEY is not set here
	Private []secret.KeyID // of the file; nil: DBFLEET_PRIVATE_KEY_FILE is not set here, or cannot be read
	Mode    fs.FileMode    // permissions of the file
}

// judgeKeys also looks at the keys that credentials are sealed for, by id; nil
// when they are not known.
func judgeKeys(k Keys, sealed map[string]int) []Finding {
	all := []Finding{judgePair(k)}
	if k.Private == nil {
		return all
	}
	all = append(all, judgeMode(k.Mode))
	if sealed == nil {
		return all
	}
	return append(all, judgeSealed(k.Private, sealed))
}

func judgePair(k Keys) Finding {
	switch {
	case k.Public == "" || k.Private == nil:
		return ok("key_pair", "not compared: this environment has not both halves, as it should be on most machines")
	case !slices.Contains(k.Private, k.Public):
		return fail("key_pair", "Give the api the public key of a private key in the workers' file, or add that private key to the file.",
			"DBFLEET_PUBLIC_KEY (%s) does not belong to a key in DBFLEET_PRIVATE_KEY_FILE", k.Public)
	}
	return ok("key_pair", "public key %s belongs to a private key in the file", k.Public)
}

func judgeMode(mode fs.FileMode) Finding {
	if mode.Perm()&0o077 != 0 {
		return warn("key_file", "chmod 400 it, unless the group is there for the workers alone.",
			"the private key file is open to more than its owner (mode %04o)", mode.Perm())
	}
	return ok("key_file", "the private key file is its owner's alone (mode %04o)", mode.Perm())
}

func judgeSealed(ring []secret.KeyID, sealed map[string]int) Finding {
	lost, total := 0, 0
	for id, n := range sealed {
		total += n
		if !slices.Contains(ring, secret.KeyID(id)) {
			lost += n
		}
	}
	if lost == 0 {
		return ok("credentials", "the private key file opens all %d", total)
	}
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(sealed)), func(id string) bool { return slices.Contains(ring, secret.KeyID(id)) })
	return fail("credentials", "Add these private keys to the workers' file, or enter the passwords again with dbfleet credential update.",
		"%d of %d are sealed for keys that the private key file lacks: %s", lost, total, some(ids))
}

// resolvers is how many names are looked up at once.
const resolvers = 16

// allowList checks the instances' addresses; nil when they are not known.
func (p Patient) allowList(ctx context.Context, addresses []Address) []Finding {
	if p.Allowed == nil {
		return []Finding{ok("allow_list", "not looked at: DBFLEET_TARGET_ALLOW is not set here")}
	}
	all := []Finding{ok("allow_list", "can be read and is not empty")}
	if addresses == nil {
		return all
	}
	return append(all, judgeReach(p.reach(ctx, addresses)))
}

// reach is what the allow list means for the instances.
type reach struct {
	allowed, refused, unknown, late int      // instances; late: not looked up in time
	names                           []string // of some that are refused
}

// reach asks for all names within resolveTime.
func (p Patient) reach(ctx context.Context, addresses []Address) reach {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	var mu sync.Mutex // guards r
	var r reach
	var group errgroup.Group
	group.SetLimit(resolvers)
	for _, one := range byHost(addresses) {
		group.Go(func() error {
			found := p.reachOf(ctx, one)
			mu.Lock()
			defer mu.Unlock()
			r.add(found)
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	slices.Sort(r.names)
	return r
}

// byHost puts the addresses of one host together, in their order.
func byHost(addresses []Address) [][]Address {
	var hosts [][]Address
	at := map[string]int{}
	for _, a := range addresses {
		i, seen := at[a.Host]
		if !seen {
			i = len(hosts)
			at[a.Host], hosts = i, append(hosts, nil)
		}
		hosts[i] = append(hosts[i], a)
	}
	return hosts
}

// reachOf is the reach of addresses of one host, which is looked up once.
func (p Patient) reachOf(ctx context.Context, addresses []Address) (r reach) {
	look := &once{Resolver: p.Resolver}
	for _, a := range addresses {
		err := p.Allowed.CheckHost(ctx, look, a.Host, uint16(a.Port))
		switch {
		case errors.Is(err, netguard.ErrNotAllowed):
			r.refused += a.Instances
			r.names = append(r.names, a.Name)
		case look.err == nil:
			r.allowed += a.Instances
		case look.late:
			r.late += a.Instances
		default:
			r.unknown += a.Instances
		}
	}
	return r
}

func (r *reach) add(more reach) {
	r.allowed += more.allowed
	r.refused += more.refused
	r.unknown += more.unknown
	r.late += more.late
	r.names = append(r.names, more.names...)
}

// once looks one host up, once, and keeps the error, which CheckHost passes
// over.
type once struct {
	netguard.Resolver

	asked bool
	late  bool // the time was up
	addrs []netip.Addr
	err   error
}

// LookupNetIP implements netguard.Resolver.
func (o *once) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if !o.asked {
		o.asked = true
		o.addrs, o.err = o.Resolver.LookupNetIP(ctx, network, host)
		o.late = o.err != nil && ctx.Err() != nil
	}
	return o.addrs, o.err
}

func judgeReach(r reach) Finding {
	switch {
	case r.refused > 0:
		return fail("addresses", "Add their networks and ports to DBFLEET_TARGET_ALLOW of api and workers, or deactivate them.",
			"%d active instances are not allowed: %s", r.refused, some(r.names))
	case r.unknown > 0:
		return warn("addresses", "See that their host names are right; the workers may have another name server than this machine.",
			"the names of %d active instances cannot be looked up here%s", r.unknown, tooLate(r))
	case r.late > 0:
		return warn("addresses", "Nothing is known to be wrong with them; the name server is slow, or they are many.",
			"%d active instances are allowed%s", r.allowed, tooLate(r))
	}
	return ok("addresses", "all %d active instances are allowed", r.allowed)
}

func tooLate(r reach) string {
	if r.late == 0 {
		return ""
	}
	return fmt.Sprintf("; %d not looked up within %s", r.late, resolveTime)
}
