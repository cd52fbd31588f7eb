package rpcd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

// Plugin is one run of the plugin.
type Plugin struct {
	Socket string
	Config string
	Stdin  io.Reader
	Stdout io.Writer
}

// Methods is what `list` prints: each argument with an example of its type.
const Methods = `{"status":{},` +
	`"neighbors":{"address":"text"},` +
	`"routes":{"filter":"text","only":"text","family":"text","offset":32,"limit":32},` +
	`"events":{"after":32,"limit":32},` +
	`"history":{},` +
	`"overview":{"filter":"text","only":"text","family":"text","offset":32,"limit":32,"after":32},` +
	`"check":{"config":"text","sections":[]}}`

const (
	// maxArguments is more than rpcd hands on.
	maxArguments = 1 << 20
	patience     = 10 * time.Second
)

// arguments of all methods. Others are let pass: rpcd adds some of its own.
type arguments struct {
	status.Pick
	Limit    int               `json:"limit"` // of routes, or of events
	After    uint64            `json:"after"`
	Address  string            `json:"address"`
	Config   *string           `json:"config"`
	Sections []json.RawMessage `json:"sections"`
}

// ErrNoMethod is returned for a method that is not in Methods.
var ErrNoMethod = errors.New("no such method: use status, neighbors, routes, events, history, overview or check")

// List prints the methods.
func (p *Plugin) List() error {
	_, err := io.WriteString(p.Stdout, Methods+"\n")
	return err
}

// Call answers one call.
func (p *Plugin) Call(ctx context.Context, method string) error {
	ask, known := map[string]func(context.Context, arguments) (any, error){
		"status": p.status, "neighbors": p.neighbors, "routes": p.routes, "events": p.events,
		"history": p.history, "overview": p.overview, "check": p.check,
	}[method]
	if !known {
		return fmt.Errorf("%.40q: %w", method, ErrNoMethod)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args, err := p.arguments()
	if err != nil {
		return p.print(mistake{err.Error()})
	}
	answer, err := ask(ctx, args)
	switch {
	case errors.Is(err, status.ErrNotRunning):
		return p.print(p.down())
	case err != nil:
		return p.print(mistake{err.Error()})
	}
	return p.print(answer)
}

// mistake is an answer that says why there is none.
type mistake struct {
	Error string `json:"error"`
}

func (p *Plugin) arguments() (a arguments, err error) {
	text, err := io.ReadAll(io.LimitReader(p.Stdin, maxArguments+1))
	switch {
	case err != nil:
		return a, err
	case len(text) > maxArguments:
		return a, fmt.Errorf("arguments of more than %d bytes", maxArguments)
	case len(bytes.TrimSpace(text)) == 0:
		return a, nil
	}
	var typed *json.UnmarshalTypeError
	switch err := json.Unmarshal(text, &a); {
	case errors.As(err, &typed) && typed.Field != "":
		return a, fmt.Errorf("argument %s is a %s, which is the wrong type", typed.Field, typed.Value)
	case err != nil:
		return a, errors.New("the arguments are not one JSON object")
	}
	a.Pick.Limit = a.Limit
	return a, nil
}

func (p *Plugin) print(v any) error {
	if raw, ok := v.(json.RawMessage); ok {
		_, err := p.Stdout.Write(append(raw, '\n'))
		return err
	}
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// get asks the daemon and returns the part of its answer called name.
func (p *Plugin) get(ctx context.Context, r status.Request, name string) (json.RawMessage, error) {
	line, err := status.Line(ctx, p.Socket, r)
	if err != nil {
		return nil, err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		return nil, errors.New("the daemon's answer is not one of hawser's")
	}
	if e, failed := parts["error"]; failed {
		var text string
		if err := json.Unmarshal(e, &text); err != nil {
			return nil, err
		}
		return nil, errors.New(text)
	}
	if part := parts[name]; len(part) > 2 && part[0] == '{' {
		return part, nil
	}
	return nil, fmt.Errorf("the daemon's answer has no %s: restart it after an upgrade", name)
}

// running puts "running" in front of the fields of a JSON object.
func running(object json.RawMessage, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return append(json.RawMessage(`{"running":true,`), object[1:]...), nil
}

func (p *Plugin) status(ctx context.Context, _ arguments) (any, error) {
	return running(p.get(ctx, status.Request{Get: "snapshot"}, "snapshot"))
}

func (p *Plugin) routes(ctx context.Context, a arguments) (any, error) {
	return running(p.get(ctx, status.Request{Get: "routes", Pick: a.Pick}, "routes"))
}

func (p *Plugin) events(ctx context.Context, a arguments) (any, error) {
	return running(p.get(ctx, status.Request{Get: "events", After: a.After, Events: a.Limit}, "events"))
}

func (p *Plugin) history(ctx context.Context, _ arguments) (any, error) {
	return running(p.get(ctx, status.Request{Get: "history"}, "history"))
}

func (p *Plugin) overview(ctx context.Context, a arguments) (any, error) {
	return running(p.get(ctx, status.Request{Get: "overview", Pick: a.Pick, After: a.After}, "overview"))
}

// neighbors are all, or the one with the address.
func (p *Plugin) neighbors(ctx context.Context, a arguments) (any, error) {
	var only netip.Addr
	if a.Address != "" {
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			return nil, fmt.Errorf("%.60q is no address", a.Address)
		}
		only = addr.Unmap()
	}
	raw, err := p.get(ctx, status.Request{Get: "snapshot"}, "snapshot")
	if err != nil {
		return nil, err
	}
	answer := struct {
		Running   bool              `json:"running"`
		Now       time.Time         `json:"now"`
		Neighbors []json.RawMessage `json:"neighbors"`
	}{}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	answer.Running = true
	picked := []json.RawMessage{}
	for _, n := range answer.Neighbors {
		var one struct {
			Address netip.Addr `json:"address"`
		}
		if only.IsValid() && (json.Unmarshal(n, &one) != nil || one.Address != only) {
			continue
		}
		picked = append(picked, n)
	}
	answer.Neighbors = picked
	return answer, nil
}

// Down is the answer while no daemon runs.
type Down struct {
	Running bool `json:"running"`
	// Why is "disabled", "mistakes" or "stopped".
	Why    string `json:"why"`
	Reason string `json:"reason"`
}

// down says why the daemon does not run, as far as its configuration tells.
func (p *Plugin) down() Down {
	cfg, problems := uciconf.Load(p.Config)
	wrong, _ := problems.Count()
	switch {
	case wrong == 1:
		return Down{Why: "mistakes", Reason: problems.Err().Error()}
	case wrong > 1:
		return Down{Why: "mistakes", Reason: fmt.Sprintf("%s has %d mistakes: hawser check names them", p.Config, wrong)}
	case !cfg.Globals.Enabled:
		return Down{Why: "disabled", Reason: "not enabled: set option enabled '1' in section globals"}
	}
	return Down{Why: "stopped", Reason: "the daemon does not run: start it with /etc/init.d/hawser start; the system log says why it ended"}
}
