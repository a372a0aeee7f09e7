package localsvc

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestPostgresBelowRootOnlyFolder(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, PostgresOptions{Dir: filepath.Join(closed, "pg")})
}

// A root process whose folder belongs to somebody else cannot use the user
// namespace, in which that owner has no number.
func TestPostgresBelowSomebodyElsesFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // only root has a choice of accounts
	}
	theirs := filepath.Join(t.TempDir(), "theirs")
	if err := os.Mkdir(theirs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	p := startPostgres(t, PostgresOptions{Dir: filepath.Join(theirs, "pg")})
	if !isOutside(p.folder.data()) {
		t.Errorf("data in %s, want the folder for temporary files", p.folder.data())
	}
	if err := p.Restart(within(t)); err != nil {
		t.Error(err)
	}
}

// Both ways must work wherever they are allowed, so each is asked directly.
func TestPostgresAccountsOfRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // only root has a choice of accounts
	}
	for name, account := range map[string]func(context.Context, *folder) (runAs, error){
		"user namespace": asNamespace,
		"system user":    asSystemUser,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := claimFolder(within(t), filepath.Join(t.TempDir(), "pg"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := account(within(t), f); err != nil {
				t.Error(err)
			}
			outside := f.data()
			if err := f.remove(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(outside); !os.IsNotExist(err) {
				t.Errorf("%s is still there", outside)
			}
		})
	}
}

func TestIsOutsideNamesOnlyOurFolders(t *testing.T) {
	t.Parallel()
	tmp := os.TempDir()
	for path, want := range map[string]bool{
		filepath.Join(tmp, outsidePrefix+"1", "data"):      true,
		filepath.Join(tmp, "other", "data"):                false,
		filepath.Join(tmp, outsidePrefix+"1", "x", "data"): false,
		"/etc/data": false,
	} {
		if got := isOutside(path); got != want {
			t.Errorf("isOutside(%s) = %t", path, got)
		}
	}
}
