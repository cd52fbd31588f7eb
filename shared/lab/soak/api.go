package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// api is the API server by plain HTTP, as the administrator.
type api struct {
	client *http.Client
	server string
}

// errStatus is an answer that is no success.
type errStatus struct {
	code int
	text string
}

func (e errStatus) Error() string { return fmt.Sprintf("status %d: %s", e.code, e.text) }

func (a *api) do(ctx context.Context, method, path, media string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.server+path, in)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", media)
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = errStatus{answer.StatusCode, string(text)}
	}
	return text, err
}

// send does it again until the API server takes it, or says that it never will.
func (a *api) send(ctx context.Context, method, path, media string, body any) error {
	var final error
	err := lab.Until(ctx, method+" "+path, func() error {
		_, err := a.do(ctx, method, path, media, body)
		var status errStatus
		if errors.As(err, &status) && (status.code == http.StatusUnprocessableEntity || status.code == http.StatusBadRequest) {
			final = fmt.Errorf("%s %s: %w", method, path, err)
			return nil
		}
		return err
	})
	return errors.Join(err, final)
}

// set writes the whole object, whether it is there or not.
func (a *api) set(ctx context.Context, path string, body any) error {
	return a.send(ctx, http.MethodPatch, path+"?fieldManager=soak&force=true", "application/apply-patch+yaml", body)
}

// merge changes parts of an object.
func (a *api) merge(ctx context.Context, path string, body any) error {
	return a.send(ctx, http.MethodPatch, path, "application/merge-patch+json", body)
}

// remove deletes an object; one that is not there is gone already.
func (a *api) remove(ctx context.Context, path string) error {
	return lab.Until(ctx, "DELETE "+path, func() error {
		_, err := a.do(ctx, http.MethodDelete, path, "application/json", nil)
		var status errStatus
		if errors.As(err, &status) && status.code == http.StatusNotFound {
			return nil
		}
		return err
	})
}

// list reads the items of a collection, and says as of which version.
func (a *api) list(ctx context.Context, path string, items any) (version string, err error) {
	text, err := a.do(ctx, http.MethodGet, path, "application/json", nil)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	var head struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return "", err
	}
	return head.Metadata.ResourceVersion, json.Unmarshal(head.Items, items)
}
