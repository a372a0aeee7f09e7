package doctor

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Redis is what the doctor asks Redis.
type Redis interface {
	// Clock returns the server's time.
	Clock(ctx context.Context) (time.Time, error)
	// Version returns the server's version, such as 7.0.15; empty when it does
	// not tell.
	Version(ctx context.Context) (string, error)
	// Policy returns maxmemory-policy; empty when the server refuses the
	// question, as managed ones do.
	Policy(ctx context.Context) (string, error)
}

func (p Patient) redis(ctx context.Context) []Finding {
	if p.Redis == nil {
		return []Finding{warn("redis", "Set DBFLEET_REDIS_URL as the processes have it.", "not looked at: no usable URL")}
	}
	skew, err := p.skew(ctx, p.Redis.Clock)
	if err != nil {
		return []Finding{fail("redis", "Start Redis, or mend DBFLEET_REDIS_URL; nothing is lost, and nothing is dispatched.",
			"cannot be reached: %s", reason(err))}
	}
	all := []Finding{ok("redis", "answers"), judgeSkew("clock_redis", skew)}
	if version, err := ask(ctx, askTime, p.Redis.Version); err != nil {
		all = append(all, warn("redis_version", "Look at the log of Redis.", "could not be read: %s", reason(err)))
	} else {
		all = append(all, judgeRedisVersion(version))
	}
	policy, err := ask(ctx, askTime, p.Redis.Policy)
	if err != nil {
		return append(all, warn("redis_eviction", "Look at the log of Redis.", "could not be read: %s", reason(err)))
	}
	return append(all, judgePolicy(policy))
}

// judgeRedisVersion wants 6.2.
func judgeRedisVersion(version string) Finding {
	if version == "" {
		return warn("redis_version", "See that it is 6.2 or newer.", "the server does not tell its version")
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	first, err1 := strconv.Atoi(major)
	second, err2 := strconv.Atoi(minor)
	switch {
	case err1 != nil || err2 != nil:
		return warn("redis_version", "See that it is 6.2 or newer.", "%q is no version that can be compared", version)
	case first < 6 || first == 6 && second < 2:
		return fail("redis_version", "Use Redis 6.2 or newer.", "%s is older than 6.2", version)
	}
	return ok("redis_version", "%s", version)
}

func judgePolicy(policy string) Finding {
	switch policy {
	case "noeviction":
		return ok("redis_eviction", "maxmemory-policy is noeviction")
	case "":
		return warn("redis_eviction", "See at its provider that maxmemory-policy is noeviction.", "the server does not tell its maxmemory-policy")
	}
	return fail("redis_eviction", "Set maxmemory-policy to noeviction.", "maxmemory-policy is %s: tasks may be thrown away", policy)
}
