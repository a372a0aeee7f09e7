package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

// accountPages answers with a page for each of the given identities, one
// account on each.
func accountPages(identities ...string) http.HandlerFunc {
	pages := make([]http.HandlerFunc, len(identities))
	for i, identity := range identities {
		one := sampleAccount()
		one.Identity, one.Name = identity, "name-"+identity
		next := fmt.Sprint("c", i)
		pages[i] = answerJSON(200, client.AccountPage{Items: []client.Account{one}, NextCursor: &next})
	}
	return inTurn(pages...)
}

func holdOf(missing ...string) client.Hold {
	h := sampleHold()
	h.Missing = missing
	return h
}

func TestHoldShowLooksForTheMissingOnEveryPage(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{
		"GET /holds/{id}": answerJSON(200, holdOf("7", "9")), "GET /accounts": accountPages("1", "7", "2", "9", "3"),
	})}
	b.run(t, "hold", "show", "5").want(t, 0, "name-7, name-9\n")
	pages := b.api.requests()[1:]
	if len(pages) != 4 || !strings.Contains(pages[3].query, "cursor=c2") {
		t.Errorf("asked %+v", pages)
	}
}

func TestHoldShowEndsWithTheLastPage(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /holds/{id}": answerJSON(200, holdOf("7", "8")), "GET /accounts": accountPages("7", "1")})}
	b.run(t, "hold", "show", "5").want(t, 0, "Among the missing: name-7\n") // the last page names itself for ever
	b = &bench{api: serve(t, routes{"GET /holds/{id}": answerJSON(200, holdOf("8")), "GET /accounts": page(sampleAccount())})}
	b.run(t, "hold", "show", "5").want(t, 0, "Among the missing: -\n")
}

func TestHoldShowNamesTwentyAtMost(t *testing.T) {
	t.Parallel()
	var missing []string
	for i := range 30 {
		missing = append(missing, fmt.Sprint(i))
	}
	b := &bench{api: serve(t, routes{"GET /holds/{id}": answerJSON(200, holdOf(missing...)), "GET /accounts": accountPages(missing...)})}
	got := b.run(t, "hold", "show", "5")
	if n := strings.Count(got.out, "name-"); n != maxMissing || len(b.api.requests()) != 1+maxMissing {
		t.Errorf("%d names after %d requests:\n%s", n, len(b.api.requests()), got.out)
	}
}

// What was decided is decided, whatever becomes of the rest.
func TestHoldDecisionIsToldAlsoWhenNamesCannotBeRead(t *testing.T) {
	t.Parallel()
	decided := holdOf("7")
	decided.Status = client.HoldStatusConfirmed
	b := &bench{api: serve(t, routes{
		"POST /holds/{id}/confirm": answerJSON(200, decided), "GET /holds/{id}": answerJSON(200, decided),
		"GET /accounts": problem(http.StatusServiceUnavailable, "unavailable", "the database is away"),
	})}
	got := b.run(t, "hold", "confirm", "5")
	got.want(t, 0, "Hold 5 on orders-1: confirmed")
	got.wantErr(t, "The decision is stored.", "the database is away")
	got = b.run(t, "hold", "show", "5")
	got.want(t, 2, "Hold 5 on orders-1: confirmed")
	got.wantErr(t, "the database is away")
}
