package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// machine is where and with what a run was made.
type machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memory_mb"`
	Kernel   string `json:"kernel"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Asynq    string `json:"asynq"`
	Postgres string `json:"postgres"`
	MariaDB  string `json:"mariadb"`
	Redis    string `json:"redis"`
}

func (m machine) rows() []setting {
	return []setting{
		{"machine", fmt.Sprintf("%s, %d cores, %d MB, Linux %s", m.CPU, m.Cores, m.MemoryMB, m.Kernel)},
		{"versions", fmt.Sprintf("dbfleet %s, Go %s, asynq %s, PostgreSQL %s, MariaDB %s, Redis %s",
			m.Commit, m.Go, m.Asynq, m.Postgres, m.MariaDB, m.Redis)},
	}
}

// describe looks at this machine, Linux only, and at the servers.
func describe(ctx context.Context, s *servers) (machine, error) {
	postgres, err := postgresVersion(ctx, s.own.URL(""))
	if err != nil {
		return machine{}, err
	}
	memory, err := procField("/proc/meminfo", "MemTotal")
	if err != nil {
		return machine{}, err
	}
	kib, err := kibibytes(memory)
	if err != nil {
		return machine{}, err
	}
	cpu, err := procField("/proc/cpuinfo", "model name")
	if err != nil {
		cpu = runtime.GOARCH // arm64 names no model
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return machine{}, fmt.Errorf("read kernel version: %w", err)
	}
	return machine{
		CPU: cpu, Cores: runtime.NumCPU(), MemoryMB: kib >> 10, Kernel: strings.TrimSpace(string(kernel)),
		Commit: revision(ctx), Go: strings.TrimPrefix(runtime.Version(), "go"), Asynq: dependency("github.com/hibiken/asynq"),
		Postgres: postgres, MariaDB: programVersion(ctx, "mariadbd"), Redis: programVersion(ctx, "redis-server"),
	}, nil
}

func postgresVersion(ctx context.Context, url string) (string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // only read
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	version, _, _ = strings.Cut(version, " ")
	return version, nil
}

const versionTime = 10 * time.Second

// programVersion asks an installed program; "unknown" when it does not tell.
func programVersion(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if out, err := exec.CommandContext(ctx, path, "--version").Output(); err == nil {
			return versionIn(string(out))
		}
	}
	return "unknown"
}

var versionForm = regexp.MustCompile(`(?:Ver |v=)(\d+(?:\.\d+)+)`)

// versionIn finds the version in what mariadbd and redis-server print.
func versionIn(text string) string {
	if found := versionForm.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return "unknown"
}

// procField reads a line "name: value" of a file below /proc.
func procField(file, name string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("look at the system: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s has no %q", file, name)
}

func kibibytes(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %q as kB: %w", text, err)
	}
	return n, nil
}

// revision is the commit of this build, marked when files were changed after it;
// where the build did not record it, that of the folder we are in.
func revision(ctx context.Context) string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" }) {
		return described(ctx)
	}
	commit, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	return commit + changed
}

func described(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+changes", "--exclude=*", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func dependency(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == path {
				return d.Version
			}
		}
	}
	return "unknown"
}
