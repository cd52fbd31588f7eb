package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// unpack is what an importer does with the tar file.
func unpack(t *testing.T, file string) layout.Path {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		path := filepath.Join(dir, h.Name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return layout.Path(dir)
}

// packed packs two platforms and returns the file.
func packed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	terms := filepath.Join(dir, "licences")
	if err := os.WriteFile(terms, []byte("the terms"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-o", filepath.Join(dir, "image.tar"), "-licences", terms, "-name", "localhost/hawser-speaker", "-tag", "1.0", "-tag", "latest", "-epoch", "1700000000"}
	for _, platform := range []string{"linux/amd64", "linux/arm/v7"} {
		path := filepath.Join(dir, strings.ReplaceAll(platform, "/", "-"))
		if err := os.WriteFile(path, []byte("the program for "+platform), 0o700); err != nil {
			t.Fatal(err)
		}
		args = append(args, platform+"="+path)
	}
	o, err := read(args)
	if err == nil {
		err = o.pack()
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "image.tar")
}

func TestEachPlatformHasAnImageWithItsProgramItsLicencesAndNothingElse(t *testing.T) {
	index, err := unpack(t, packed(t)).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	top, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range top.Manifests {
		names = append(names, m.Annotations["io.containerd.image.name"])
	}
	if want := []string{"localhost/hawser-speaker:1.0", "localhost/hawser-speaker:latest"}; !slices.Equal(names, want) {
		t.Errorf("named %q, want %q", names, want)
	}
	inner, err := index.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	all, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range all.Manifests {
		platforms = append(platforms, m.Platform.String())
		image, err := inner.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, m.Platform.String())
	}
	if want := []string{"linux/amd64", "linux/arm/v7"}; !slices.Equal(platforms, want) {
		t.Errorf("for %q, want %q", platforms, want)
	}
}

func checkImage(t *testing.T, image v1.Image, platform string) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Platform().String(); got != platform {
		t.Errorf("%s: made for %s", platform, got)
	}
	if c := file.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/hawser-speaker"}) || c.Labels["org.opencontainers.image.version"] != "1.0" {
		t.Errorf("%s: %+v", platform, c)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%s: %d layers, %v", platform, len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	r := tar.NewReader(content)
	h, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	program, err := io.ReadAll(r)
	if err != nil || h.Name != "hawser-speaker" || h.Mode != 0o755 || string(program) != "the program for "+platform {
		t.Errorf("%s: %s %o %q %v", platform, h.Name, h.Mode, program, err)
	}
	h, err = r.Next()
	if err != nil {
		t.Fatal(err)
	}
	terms, err := io.ReadAll(r)
	if err != nil || h.Name != "licences.txt" || h.Mode != 0o644 || string(terms) != "the terms" {
		t.Errorf("%s: %s %o %q %v", platform, h.Name, h.Mode, terms, err)
	}
	if h, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("%s: more than the program and its licences: %+v %v", platform, h, err)
	}
}

func TestTheSameProgramsMakeTheSameBytes(t *testing.T) {
	a, err1 := os.ReadFile(packed(t))
	b, err2 := os.ReadFile(packed(t))
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%d and %d bytes, %v", len(a), len(b), err)
	}
}

func TestWordsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, args := range []string{"", "-o x -name n -tag t", "-o x -name n linux/amd64=f", "-o x -name n -tag t linux/amd64", "-o x -name n -tag t a/b/c/d/e=f", "-epoch soon"} {
		if _, err := read(strings.Fields(args)); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	o, err := read(strings.Fields("-o " + filepath.Join(t.TempDir(), "x") + " -name n -tag t linux/amd64=nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.pack(); err == nil {
		t.Error("a program that is not there is packed")
	}
}
