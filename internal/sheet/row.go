package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

// The columns. People have them in their files; do not rename.
const (
	colName       = "name"
	colEngine     = "engine"
	colHost       = "host"
	colPort       = "port"
	colDatabase   = "database"
	colCredential = "credential"
	colTLSMode    = "tls_mode"
	colTLSCA      = "tls_ca"
	colServerName = "tls_server_name"
	colHostKey    = "host_key"
	colTags       = "tags"
	colActive     = "active"
)

// Columns lists the columns in the order that they are written in.
func Columns() []string {
	return []string{
		colName, colEngine, colHost, colPort, colDatabase, colCredential, colTLSMode, colTLSCA, colServerName,
		colHostKey, colTags, colActive,
	}
}

func needed() []string { return []string{colName, colEngine, colHost, colCredential} }

// texts are the columns that hold what people make up. A certificate begins
// like a formula by its nature; the others hold numbers and known words.
func texts() []string {
	return []string{colName, colHost, colDatabase, colCredential, colServerName, colHostKey, colTags}
}

func (p *parser) row(line int, cells []string) {
	row, faults := p.parse(line, cells)
	if first, again := p.names[row.Instance.Name]; again {
		faults = append(faults, invalid.Field(colName, "is already on line %d", first))
	}
	for _, fault := range faults {
		p.sheet.Fault(line, fault.Field, "%s", fault.Reason)
	}
	if len(faults) == 0 {
		p.names[row.Instance.Name] = line
		p.sheet.rows = append(p.sheet.rows, row)
	}
}

// parse returns the row, and every fault of it that can be seen without asking.
func (p *parser) parse(line int, cells []string) (*Row, []*invalid.Error) {
	var faults []*invalid.Error
	row := &Row{Line: line, Instance: fleet.Instance{Active: true}}
	for i, column := range p.columns {
		cell := cells[i]
		if slices.Contains(texts(), column) && isFormula(cell) {
			faults = append(faults, invalid.Field(column, "begins like a formula of a spreadsheet: put a ' before it when it is meant"))
			continue
		}
		if fault := row.set(column, unguarded(cell)); fault != nil {
			faults = append(faults, fault)
		}
	}
	if row.Credential == "" && !named(faults, colCredential) {
		faults = append(faults, invalid.Field(colCredential, "must name a credential"))
	}
	in, err := row.Instance.Normalise()
	row.Instance = in
	found := invalid.All(err)
	for _, fault := range found {
		if fault.Field != "credential_id" && !named(faults, fault.Field) && !follows(row.Instance, fault, append(found, faults...)) {
			faults = append(faults, fault)
		}
	}
	return row, faults
}

// follows reports whether a fault is only that of another field, from which a
// default was taken.
func follows(in fleet.Instance, fault *invalid.Error, all []*invalid.Error) bool {
	switch fault.Field {
	case colPort:
		return in.Port == 0 && named(all, colEngine)
	case colHostKey:
		return in.HostKey == strings.ToLower(in.Host) && named(all, colHost)
	}
	return false
}

func named(faults []*invalid.Error, field string) bool {
	return slices.ContainsFunc(faults, func(f *invalid.Error) bool { return f.Field == field })
}

// set takes one cell over. An empty one means the default.
func (r *Row) set(column, cell string) *invalid.Error {
	if field := r.text(column); field != nil {
		*field = cell
		return nil
	}
	in := &r.Instance
	switch cell = strings.TrimSpace(cell); column {
	case colEngine:
		in.Engine = fleet.Engine(cell)
	case colTLSMode:
		in.TLSMode = fleet.TLSMode(cell)
	case colTags:
		in.Tags = splitTags(cell)
	case colPort:
		return setPort(in, cell)
	case colActive:
		return setActive(in, cell)
	default:
		panic(fmt.Sprintf("column %q is listed and not read", column))
	}
	return nil
}

// text is the field of a column that is taken as it is; nil for the others.
func (r *Row) text(column string) *string {
	switch column {
	case colName:
		return &r.Instance.Name
	case colHost:
		return &r.Instance.Host
	case colDatabase:
		return &r.Instance.Database
	case colCredential:
		return &r.Credential
	case colTLSCA:
		return &r.Instance.TLSCA
	case colServerName:
		return &r.Instance.TLSServerName
	case colHostKey:
		return &r.Instance.HostKey
	}
	return nil
}

func setPort(in *fleet.Instance, cell string) *invalid.Error {
	if cell == "" {
		return nil
	}
	port, err := strconv.Atoi(cell)
	switch {
	case err != nil:
		return invalid.Field(colPort, "must be a whole number")
	case port == 0: // which would mean the default
		return invalid.Field(colPort, "must be between 1 and 65535")
	}
	in.Port = port
	return nil
}

func setActive(in *fleet.Instance, cell string) *invalid.Error {
	switch strings.ToLower(cell) { // spreadsheets write TRUE
	case "", "true":
	case "false":
		in.Active = false
	default:
		return invalid.Field(colActive, "must be true or false")
	}
	return nil
}

// splitTags reads tags separated by ;. Where a tag holds a ; itself they are
// separated by commas, which no tag can hold.
func splitTags(cell string) []string {
	separator := ";"
	if strings.Contains(cell, ",") {
		separator = ","
	}
	var tags []string
	for tag := range strings.SplitSeq(cell, separator) {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// joinTags is the reverse of splitTags.
func joinTags(tags []string) string {
	if slices.ContainsFunc(tags, func(tag string) bool { return strings.Contains(tag, ";") }) {
		return strings.Join(tags, ",") + ","
	}
	return strings.Join(tags, ";")
}
