package scene

import (
	"context"
	"os"
	"path/filepath"

	"github.com/hawser-lb/hawser/shared/lab/kube"
)

func (s *Scene) startControl(ctx context.Context) (err error) {
	s.Kube, err = kube.Start(ctx, s.Control, kube.Options{Address: ControlAddress})
	return err
}

// File writes a manifest to the lab's directory and returns its path.
func (s *Scene) File(name, text string) (string, error) {
	path := filepath.Join(s.Lab.Dir(), name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}
