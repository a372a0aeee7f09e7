package cli

import (
	"github.com/dbfleet/dbfleet/client"
)

// fleetCommands are those about many servers at once, and about what was removed.
func fleetCommands() map[string]apiCommand {
	return map[string]apiCommand{
		"instance list deleted": {
			args: []string{"instance", "list", "--deleted"}, route: "GET /instances", answer: page(sampleInstance()), query: "deleted=true&limit=100",
		},
		"instance restore": {
			args:  []string{"instance", "restore", "12", "--name", "n2", "--credential", "monitor", "--activate"},
			route: "POST /instances/{id}/restore", answer: answerJSON(200, sampleInstance()),
			others: routes{"GET /credentials": page(sampleCredential())}, out: []string{"Instance orders-1 is back, id 12, active: yes."},
			body: `{"active":true,"credential_id":3,"name":"n2"}`,
		},
		"instance activate": {
			args:  []string{"instance", "activate", "--instance", "orders-1", "--id", "7", "--tag", "eu", "--engine", "mysql", "--dry-run"},
			route: "POST /instances/bulk", answer: answerJSON(200, client.InstanceBulkResult{DryRun: true, Changed: 1200}),
			out:  []string{"Servers that would change: 1,200"},
			body: `{"action":"activate","dry_run":true,"selector":{"engines":["mysql"],"ids":[7],"names":["orders-1"],"tags":["eu"]}}`,
		},
		"instance deactivate": {
			args: []string{"instance", "deactivate", "--all"}, route: "POST /instances/bulk",
			answer: answerJSON(200, client.InstanceBulkResult{Changed: 3}), out: []string{"Servers changed: 3"},
			body: `{"action":"deactivate","selector":{"all":true}}`,
		},
		"instance tag add": {
			args: []string{"instance", "tag", "add", "eu", "prod", "--id", "7"}, route: "POST /instances/bulk",
			answer: answerJSON(200, client.InstanceBulkResult{Changed: 1}), body: `{"action":"add_tags","selector":{"ids":[7]},"tags":["eu","prod"]}`,
		},
		"instance tag remove": {
			args: []string{"instance", "tag", "remove", "eu", "--all"}, route: "POST /instances/bulk",
			answer: answerJSON(200, client.InstanceBulkResult{Changed: 1}), body: `{"action":"remove_tags","selector":{"all":true},"tags":["eu"]}`,
		},
		"instance tag list": {
			args: []string{"instance", "tag", "list"}, route: "GET /tags", answer: page(client.TagCount{Tag: "eu", Instances: 40}), out: []string{"eu   40"},
		},
		"instance import": {
			args: []string{"instance", "import", "-", "--skip-bad"}, stdin: "name,engine\n", route: "POST /instances/import",
			answer: answerJSON(200, sampleImport(false)), out: []string{"line 17: port: must be between", "… and 2 faults more", "999 of 1,000 servers registered."},
			body: "name,engine", query: "skip_bad=true",
		},
		"credential show": {
			args: []string{"credential", "show", "monitor"}, route: "GET /credentials/{id}", answer: answerJSON(200, sampleCredential()),
			others: routes{"GET /credentials": page(sampleCredential()), "GET /credentials/{id}/instances": page(sampleInstance())},
			out:    []string{"Credential 3: monitor", "3f0c9a2b41d7e865", "orders-1.example.net:5432"},
		},
	}
}
