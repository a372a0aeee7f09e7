package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/sheet"
	"github.com/dbfleet/dbfleet/internal/user"
)

const exportPage = 1000 // rows in memory at a time

// exported is one page of an export, with what is needed to name credentials.
type exported struct {
	instances []fleet.Instance
	names     map[fleet.CredentialID]string
	next      int64
}

// csvAnswer writes a file; its error breaks the answer off.
type csvAnswer func(w http.ResponseWriter) error

// VisitExportInstancesResponse implements gen.ExportInstancesResponseObject.
func (write csvAnswer) VisitExportInstancesResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", mediaCSV+"; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="instances.csv"`)
	return write(w)
}

// ExportInstances writes instances as CSV, page by page, and an audit event
// before it. What fails before the first page is answered as a problem.
func (a *API) ExportInstances(ctx context.Context, r gen.ExportInstancesRequestObject) (gen.ExportInstancesResponseObject, error) {
	filter := fleet.InstanceFilter{
		Engine: (*fleet.Engine)(r.Params.Engine), Active: r.Params.Active, TLSMode: (*fleet.TLSMode)(r.Params.TlsMode),
		Tag: value(r.Params.Tag), Name: value(r.Params.Name), Deleted: value(r.Params.Deleted),
	}
	page, err := a.exportPage(ctx, filter, 0)
	if err != nil {
		return nil, err
	}
	if err := a.Audit.Audit(ctx, user.Event{Action: "instance.export", ObjectType: "instance", Detail: exportDetail(r.Params)}); err != nil {
		return nil, err
	}
	return csvAnswer(func(w http.ResponseWriter) error {
		out, err := sheet.NewWriter(w)
		for err == nil {
			if err = page.write(out); err != nil || page.next == 0 {
				break
			}
			page, err = a.exportPage(ctx, filter, page.next)
		}
		if err != nil {
			return fmt.Errorf("export instances: %w", err)
		}
		return out.Flush()
	}), nil
}

// exportDetail is the filter: who is to know what was taken out asks for the
// same again.
func exportDetail(p gen.ExportInstancesParams) map[string]any {
	detail := map[string]any{}
	if p.Engine != nil {
		detail["engine"] = *p.Engine
	}
	if p.Active != nil {
		detail["active"] = *p.Active
	}
	if p.TlsMode != nil {
		detail["tls_mode"] = *p.TlsMode
	}
	if tag := value(p.Tag); tag != "" {
		detail["tag"] = tag
	}
	if name := value(p.Name); name != "" {
		detail["name"] = name
	}
	if value(p.Deleted) {
		detail["deleted"] = true
	}
	return detail
}

func (a *API) exportPage(ctx context.Context, filter fleet.InstanceFilter, after int64) (p exported, err error) {
	p.instances, p.next, err = a.Instances.Instances(ctx, filter, exportPage, after)
	if err != nil {
		return p, err
	}
	p.names, err = a.Imports.CredentialNames(ctx, mapped(p.instances, func(in fleet.Instance) fleet.CredentialID { return in.CredentialID }))
	return p, err
}

func (p exported) write(out *sheet.Writer) error {
	for _, in := range p.instances {
		if err := out.Write(in, p.names[in.CredentialID]); err != nil {
			return err
		}
	}
	return nil
}
