package httpapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
)

const differenceList = "differences"

// CompareAccounts lists how accounts differ.
func (a *API) CompareAccounts(ctx context.Context, r gen.CompareAccountsRequestObject) (gen.CompareAccountsResponseObject, error) {
	c := account.Comparison{
		Instance: fleet.InstanceID(r.Params.InstanceId), Other: (*fleet.InstanceID)(r.Params.OtherId),
		From: utc(r.Params.From), To: utc(r.Params.To), At: utc(r.Params.At),
	}
	if err := c.Validate(a.Now()); err != nil {
		return nil, malformed(err)
	}
	name := filtered(differenceList, c)
	from, err := afterPlace(name, r.Params.Cursor, accountRow)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Accounts.CompareAccounts(ctx, c, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	items := make([]gen.AccountDifference, len(list))
	for i, d := range list {
		if items[i], err = toDifference(d); err != nil {
			return nil, err
		}
	}
	return gen.CompareAccounts200JSONResponse{Items: items, NextCursor: nextPlace(name, next, accountRow)}, nil
}

func toDifference(d account.Difference) (gen.AccountDifference, error) {
	diff, err := json.Marshal(d.Diff)
	if err != nil {
		return gen.AccountDifference{}, fmt.Errorf("encode difference: %w", err)
	}
	return gen.AccountDifference{
		Side: gen.AccountDifferenceSide(d.Side), Name: d.Name, Host: d.Host, Kind: gen.AccountKind(d.Kind),
		FirstId: (*int64)(optional(d.First)), SecondId: (*int64)(optional(d.Second)), Diff: diff, Names: notNil(d.Names),
	}, nil
}
