//go:build !linux

package localsvc

import "syscall"

// Elsewhere than on Linux a server outlives an owner that is killed and is not
// found by the next one, Pause freezes only the main process, and Postgres cannot be run by root.

func diesWithParent(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func inNamespace(*syscall.SysProcAttr, int, int) {}

func workingFolder(int) string { return "" }

func children(int) []int { return nil }
