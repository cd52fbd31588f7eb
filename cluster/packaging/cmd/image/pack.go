package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who the program runs as; the manifest says the same.
const user = "65532:65532"

// pack writes the tar file; one that is there already is replaced when all is
// well.
func (o order) pack() (err error) {
	index, err := o.index()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(o.out), ".image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		return err
	}
	for _, tag := range o.tags {
		// The first names it for containerd, the second is the OCI's (image
		// layout, "org.opencontainers.image.ref.name").
		names := map[string]string{"io.containerd.image.name": o.name + ":" + tag, "org.opencontainers.image.ref.name": tag}
		if err := path.AppendIndex(index, layout.WithAnnotations(names)); err != nil {
			return err
		}
	}
	made := filepath.Join(dir, "tar")
	if err := o.tar(filepath.Join(dir, "layout"), made); err != nil {
		return err
	}
	return os.Rename(made, o.out)
}

// index lists an image for each platform.
func (o order) index() (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range o.speaker {
		image, err := o.image(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &b.platform}})
	}
	return index, nil
}

func (o order) image(b binary) (v1.Image, error) {
	content, err := o.layer(b.path)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: o.created}, CreatedBy: "make image"}})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, o.config(file.DeepCopy(), b))
}

// config adds to file, which knows the layers, how they are run.
func (o order) config(file *v1.ConfigFile, b binary) *v1.ConfigFile {
	file.Created = v1.Time{Time: o.created}
	file.OS, file.Architecture, file.Variant = b.platform.OS, b.platform.Architecture, b.platform.Variant
	file.Config = v1.Config{
		Entrypoint: []string{"/" + o.program},
		Cmd:        []string{"run"},
		User:       user,
		Labels: map[string]string{
			"org.opencontainers.image.title":    o.program,
			"org.opencontainers.image.version":  o.tags[0],
			"org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.source":   "https://github.com/hawser-lb/hawser",
		},
	}
	return file
}

// layer is a tar with the program and the licences.
func (o order) layer(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err = entry(w, o.program, 0o755, o.created, content)
	if o.terms != "" && err == nil {
		if content, err = os.ReadFile(o.terms); err == nil {
			err = entry(w, "licences.txt", 0o644, o.created, content)
		}
	}
	return b.Bytes(), errors.Join(err, w.Close())
}

func entry(w *tar.Writer, name string, mode int64, at time.Time, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: at}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// tar packs dir, in the order of names.
func (o order) tar(dir, out string) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return entry(w, name, 0o644, o.created, content)
	})
	return errors.Join(err, w.Close())
}
