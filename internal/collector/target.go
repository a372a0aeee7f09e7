package collector

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// CloseTimeout bounds the farewell to a target: the end of the connection, and for
// engines that have it the request to stop a running statement.
const CloseTimeout = time.Second

// CheckTarget refuses what a driver would take for something else: the path of
// a socket, or the end of a text. The error holds no secret.
func CheckTarget(t fleet.Target) error {
	if t.Port < 1 || t.Port > 65535 {
		return fmt.Errorf("port %d is out of range", t.Port)
	}
	if t.Host == "" || strings.ContainsAny(t.Host, "/\\@") {
		return errors.New("host is not a host name")
	}
	if strings.ContainsRune(t.Username+t.Database+t.AppName+t.Password.Reveal(), 0) {
		return errors.New("user name, password or database contains NUL")
	}
	return nil
}
