package httpapi

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Credentials keeps logins, with passwords sealed. Errors are those of package
// fleet, and *invalid.Error.
type Credentials interface {
	CreateCredential(ctx context.Context, name, username string, seal fleet.Seal) (fleet.Credential, error)
	Credentials(ctx context.Context, f fleet.CredentialFilter, limit int, after int64) (list []fleet.Credential, next int64, err error)
	Credential(ctx context.Context, id fleet.CredentialID) (fleet.Credential, error)
	UpdateCredential(ctx context.Context, id fleet.CredentialID, c fleet.CredentialChange) (fleet.Credential, error)
	DeleteCredential(ctx context.Context, id fleet.CredentialID) error
}

const (
	credentialList   = "credentials"
	usersList        = "instances-of-credential-"
	maxPasswordRunes = 1000
)

// CreateCredential adds a credential.
func (a *API) CreateCredential(ctx context.Context, r gen.CreateCredentialRequestObject) (gen.CreateCredentialResponseObject, error) {
	seal, err := a.sealer(value(r.Body.Password))
	if err != nil {
		return nil, err
	}
	c, err := a.Credentials.CreateCredential(ctx, r.Body.Name, r.Body.Username, seal)
	if err != nil {
		return nil, err
	}
	return gen.CreateCredential201JSONResponse(toCredential(c)), nil
}

// sealer returns what seals password, once the place is known.
func (a *API) sealer(password secret.Text) (fleet.Seal, error) {
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	return func(place secret.Binding) ([]byte, error) { return a.Key.Seal(place, password) }, nil
}

// checkPassword allows any text that a login can send: what a password may hold
// is the target's business. NUL ends a text in every protocol.
func checkPassword(password secret.Text) error {
	text := password.Reveal()
	for _, r := range text {
		if r == 0 {
			return invalid.Field("password", "must not contain NUL")
		}
	}
	switch {
	case text == "":
		return invalid.Field("password", "must not be empty")
	case utf8.RuneCountInString(text) > maxPasswordRunes:
		return invalid.Field("password", "must not be longer than %d characters", maxPasswordRunes)
	}
	return nil
}

// ListCredentials lists credentials.
func (a *API) ListCredentials(ctx context.Context, r gen.ListCredentialsRequestObject) (gen.ListCredentialsResponseObject, error) {
	from, err := after(credentialList, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := fleet.CredentialFilter{ExactName: value(r.Params.ExactName)}
	list, next, err := a.Credentials.Credentials(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListCredentials200JSONResponse{Items: mapped(list, toCredential), NextCursor: nextCursor(credentialList, next)}, nil
}

// GetCredential shows one credential.
func (a *API) GetCredential(ctx context.Context, r gen.GetCredentialRequestObject) (gen.GetCredentialResponseObject, error) {
	c, err := a.Credentials.Credential(ctx, fleet.CredentialID(r.CredentialId))
	if err != nil {
		return nil, err
	}
	return gen.GetCredential200JSONResponse(toCredential(c)), nil
}

// ListCredentialInstances lists the living instances that use a credential.
func (a *API) ListCredentialInstances(ctx context.Context, r gen.ListCredentialInstancesRequestObject) (gen.ListCredentialInstancesResponseObject, error) {
	id := fleet.CredentialID(r.CredentialId)
	list := usersList + strconv.FormatInt(r.CredentialId, 10)
	from, err := after(list, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	if _, err := a.Credentials.Credential(ctx, id); err != nil {
		return nil, err
	}
	instances, next, err := a.Instances.Instances(ctx, fleet.InstanceFilter{Credential: &id}, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListCredentialInstances200JSONResponse{Items: mapped(instances, toInstance), NextCursor: nextCursor(list, next)}, nil
}

// UpdateCredential changes the fields that are given.
func (a *API) UpdateCredential(ctx context.Context, r gen.UpdateCredentialRequestObject) (gen.UpdateCredentialResponseObject, error) {
	change := fleet.CredentialChange{Name: r.Body.Name, Username: r.Body.Username}
	if r.Body.Password != nil {
		seal, err := a.sealer(*r.Body.Password)
		if err != nil {
			return nil, err
		}
		change.Seal = seal
	}
	c, err := a.Credentials.UpdateCredential(ctx, fleet.CredentialID(r.CredentialId), change)
	if err != nil {
		return nil, err
	}
	return gen.UpdateCredential200JSONResponse(toCredential(c)), nil
}

// DeleteCredential removes a credential that no instance refers to.
func (a *API) DeleteCredential(ctx context.Context, r gen.DeleteCredentialRequestObject) (gen.DeleteCredentialResponseObject, error) {
	if err := a.Credentials.DeleteCredential(ctx, fleet.CredentialID(r.CredentialId)); err != nil {
		return nil, err
	}
	return gen.DeleteCredential204Response{}, nil
}

func toCredential(c fleet.Credential) gen.Credential {
	return gen.Credential{
		Id: int64(c.ID), Name: c.Name, Username: c.Username, KeyId: c.KeyID, Version: c.Version, Instances: c.Instances,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}
