package localsvc

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Everything that a server writes stays in its folder: no socket, whose path
// could be too long, and no segment in /dev/shm, which a killed server leaves.
func baseSettings(opts PostgresOptions, addrs []string) map[string]string {
	return map[string]string{
		"listen_addresses":           strings.Join(addrs, ","),
		"unix_socket_directories":    "",
		"dynamic_shared_memory_type": "mmap",
		"max_connections":            strconv.Itoa(max(opts.MaxConns, 0)),
		"log_timezone":               "UTC",
		"timezone":                   "UTC",
		"logging_collector":          "off",
	}
}

func settings(opts PostgresOptions, addrs []string) map[string]string {
	if opts.MaxConns == 0 {
		opts.MaxConns = 100
	}
	all := baseSettings(opts, addrs)
	if opts.Fast { // synchronous_commit stays on: a commit must survive Kill
		all["fsync"] = "off"
		all["full_page_writes"] = "off"
		all["max_wal_size"] = "4GB"
		all["checkpoint_timeout"] = "1h"
	}
	if opts.CertFile != "" {
		all["ssl"] = "on"
		all["ssl_cert_file"] = "server.crt"
		all["ssl_key_file"] = "server.key"
	}
	maps.Copy(all, opts.Settings)
	return all
}

// configure writes the settings and the rules of who may log in.
func configure(data string, opts PostgresOptions, addrs []string) error {
	var conf strings.Builder
	all := settings(opts, addrs)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	rules := append(slices.Clone(opts.HBA),
		"host all all all scram-sha-256", "")
	for name, text := range map[string]string{
		"postgresql.conf": conf.String(),
		"pg_hba.conf":     strings.Join(rules, "\n"),
	} {
		if err := overwrite(filepath.Join(data, name), []byte(text)); err != nil {
			return err
		}
	}
	return copyTLS(data, opts)
}

// overwrite changes a file that initdb made and that keeps its owner.
func overwrite(name string, text []byte) error {
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return fmt.Errorf("configure server: %w", err)
	}
	return nil
}

// copyTLS copies certificate and key into the data folder, because Postgres
// asks that the key belongs to its own account.
func copyTLS(data string, opts PostgresOptions) error {
	if opts.CertFile == "" {
		return nil
	}
	for name, source := range map[string]string{"server.crt": opts.CertFile, "server.key": opts.KeyFile} {
		text, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("read TLS file: %w", err)
		}
		if err := overwrite(filepath.Join(data, name), text); err != nil {
			return err
		}
		if err := giveTo(filepath.Join(data, name), data); err != nil {
			return err
		}
	}
	return nil
}

func postgresURL(addr, user, password, database string) string {
	if database == "" {
		database = "postgres"
	}
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: addr, Path: database, RawQuery: "sslmode=disable"}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}
