package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/sheet"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CheckImport notes in the sheet which of its good rows could not be stored
// now. It stores nothing.
func (s *Store) CheckImport(ctx context.Context, file *sheet.Sheet) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		_, err := importable(ctx, q, file)
		return err
	})
}

// ImportInstances stores the rows of a sheet as new instances, with one audit
// event, in one transaction. What cannot be stored it notes in the sheet. When
// any row is bad it stores the others with skipBad, and otherwise none: the
// error is then that of the sheet.
func (s *Store) ImportInstances(ctx context.Context, file *sheet.Sheet, skipBad bool) (imported int, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		rows, err := importable(ctx, q, file)
		if err != nil {
			return err
		}
		if err := file.Err(); err != nil && !skipBad {
			return err
		}
		ids, err := insertRows(ctx, q, file, rows)
		if err != nil {
			return err
		}
		if err := file.Err(); err != nil && !skipBad {
			return err // a name was taken at this moment
		}
		imported = len(ids)
		return insertAudit(ctx, q, user.Event{Action: "instance.import", ObjectType: "instance", Detail: map[string]any{
			"lines": file.Lines(), "imported": imported, "bad": file.Bad(),
		}})
	})
	if err != nil {
		return 0, err
	}
	return imported, nil
}

// importable returns the rows that could be stored, with their credentials, in
// the order of their names: two imports at once then take them in one order.
func importable(ctx context.Context, q *dbq.Queries, file *sheet.Sheet) ([]*sheet.Row, error) {
	rows := file.Good()
	credentials, err := credentialsNamed(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(row *sheet.Row) bool {
		row.Instance.CredentialID = credentials[row.Credential]
		if row.Instance.CredentialID == 0 {
			file.Fault(row.Line, "credential", "there is no credential of this name")
		}
		return row.Instance.CredentialID == 0
	})
	slices.SortFunc(rows, func(a, b *sheet.Row) int { return cmp.Compare(a.Instance.Name, b.Instance.Name) })
	taken, err := q.TakenNames(ctx, namesOf(rows))
	if err != nil {
		return nil, fmt.Errorf("look for taken names: %w", err)
	}
	return faultTaken(file, rows, func(row *sheet.Row) bool {
		_, found := slices.BinarySearch(taken, row.Instance.Name)
		return found
	}), nil
}

// faultTaken notes the rows whose names are taken, and returns the others.
func faultTaken(file *sheet.Sheet, rows []*sheet.Row, taken func(*sheet.Row) bool) []*sheet.Row {
	return slices.DeleteFunc(rows, func(row *sheet.Row) bool {
		if !taken(row) {
			return false
		}
		file.Fault(row.Line, "name", "is taken by another instance")
		return true
	})
}

func namesOf(rows []*sheet.Row) []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Instance.Name
	}
	return names
}

func credentialsNamed(ctx context.Context, q *dbq.Queries, rows []*sheet.Row) (map[string]fleet.CredentialID, error) {
	wanted := map[string]fleet.CredentialID{}
	for _, row := range rows {
		wanted[row.Credential] = 0
	}
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	found, err := q.CredentialsNamed(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("look for credentials: %w", err)
	}
	for _, c := range found {
		wanted[c.Name] = fleet.CredentialID(c.ID)
	}
	return wanted, nil
}

// insertRows stores rows with their tags and returns their ids.
func insertRows(ctx context.Context, q *dbq.Queries, file *sheet.Sheet, rows []*sheet.Row) (map[string]int64, error) {
	stored, err := q.ImportInstances(ctx, columnsOf(rows))
	if err != nil {
		return nil, fmt.Errorf("insert %d instances: %w", len(rows), err)
	}
	ids := make(map[string]int64, len(stored))
	for _, in := range stored {
		ids[in.Name] = in.ID
	}
	rows = faultTaken(file, rows, func(row *sheet.Row) bool { return ids[row.Instance.Name] == 0 })
	var tags dbq.ImportTagsParams
	for _, row := range rows {
		for _, tag := range row.Instance.Tags {
			tags.Ids = append(tags.Ids, ids[row.Instance.Name])
			tags.Tags = append(tags.Tags, tag)
		}
	}
	if err := q.ImportTags(ctx, tags); err != nil {
		return nil, fmt.Errorf("tag %d instances: %w", len(rows), err)
	}
	if err := q.AnalyzeInstances(ctx); err != nil {
		return nil, fmt.Errorf("analyze %d instances: %w", len(rows), err)
	}
	return ids, nil
}

func columnsOf(rows []*sheet.Row) dbq.ImportInstancesParams {
	var p dbq.ImportInstancesParams
	for _, row := range rows {
		in := row.Instance
		p.Names = append(p.Names, in.Name)
		p.Engines = append(p.Engines, string(in.Engine))
		p.Hosts = append(p.Hosts, in.Host)
		p.Ports = append(p.Ports, int32(in.Port))
		p.Databases = append(p.Databases, in.Database)
		p.CredentialIds = append(p.CredentialIds, int64(in.CredentialID))
		p.TlsModes = append(p.TlsModes, string(in.TLSMode))
		p.TlsCas = append(p.TlsCas, in.TLSCA)
		p.TlsServerNames = append(p.TlsServerNames, in.TLSServerName)
		p.HostKeys = append(p.HostKeys, in.HostKey)
		p.Actives = append(p.Actives, in.Active)
	}
	return p
}

// CredentialNames returns the names of those of the credentials that are there.
func (s *Store) CredentialNames(ctx context.Context, ids []fleet.CredentialID) (map[fleet.CredentialID]string, error) {
	rows, err := s.q.CredentialNames(ctx, numbers(slices.Compact(slices.Sorted(slices.Values(ids)))))
	if err != nil {
		return nil, fmt.Errorf("read the names of credentials: %w", err)
	}
	names := make(map[fleet.CredentialID]string, len(rows))
	for _, r := range rows {
		names[fleet.CredentialID(r.ID)] = r.Name
	}
	return names, nil
}
