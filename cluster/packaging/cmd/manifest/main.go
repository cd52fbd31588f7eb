// Command manifest writes the kustomize base as one file to apply, for one
// image:
//
//	manifest ../deploy localhost/hawser-speaker 1.0 > hawser.yaml
package main

import (
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/kustomize/api/filters/imagetag"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "manifest: name the directory of the base, the image and its tag")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintf(os.Stderr, "manifest: %v\n", err)
		os.Exit(1)
	}
}

func write(w io.Writer, base, image, tag string) error {
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
	if err != nil {
		return err
	}
	err = all.ApplyFilter(imagetag.Filter{
		ImageTag: types.Image{Name: "localhost/hawser-speaker", NewName: image, NewTag: tag},
		FsSlice:  types.FsSlice{{Path: "spec/template/spec/containers[]/image"}},
	})
	if err != nil {
		return err
	}
	text, err := all.AsYaml()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
