package localsvc

import (
	"context"
	"fmt"
	"strings"
)

// need is one server's programs and the Debian packages that have them.
type need struct {
	find     func() (string, error)
	packages []string
}

// Ensure looks for the programs of all servers of this package and installs
// what is missing, all of it at once. Where it may not install, one error names
// every package. ctx bounds nothing that has begun: an installation takes up to
// 15 minutes.
func Ensure(ctx context.Context) error {
	packages, reasons := missing([]need{
		{findPostgres, []string{postgresPackage}},
		{findRedis, []string{redisPackage}},
		{findMariaDB, mariadbPackages()},
	})
	if len(packages) == 0 {
		return nil
	}
	if err := install(ctx, packages); err != nil {
		return fmt.Errorf("%s; install what is missing (apt-get install %s): %w", reasons, strings.Join(packages, " "), err)
	}
	return nil
}

// missing returns the packages of all that is not there, and what that is.
func missing(needs []need) (packages []string, reasons string) {
	var all []string
	for _, one := range needs {
		if _, err := one.find(); err != nil {
			packages, all = append(packages, one.packages...), append(all, err.Error())
		}
	}
	return packages, strings.Join(all, ", ")
}
