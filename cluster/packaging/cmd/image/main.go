// Command image packs hawser-speaker into an OCI image without a container
// engine: a tar file of an image layout, one image a platform, each holding
// the static binary, the licences of what is in it, and nothing else.
// containerd imports it, skopeo copies it to a registry. The same binaries give
// the same bytes.
//
//	image -o speaker.tar -licences FILE -name localhost/hawser-speaker -tag 1.0 -tag latest linux/amd64=BINARY linux/arm/v7=BINARY
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// order is what the command line asks for.
type order struct {
	out     string
	name    string   // without a tag
	program string   // what the binary is called in the image
	terms   string   // file of the licences; none when the program is all ours
	tags    []string // at least one; the first is the version
	created time.Time
	speaker []binary
}

// binary is the program for one platform.
type binary struct {
	platform v1.Platform
	path     string
}

func main() {
	o, err := read(os.Args[1:])
	if err == nil {
		err = o.pack()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
}

// tags collects a flag that may stand several times.
type tags []string

func (t *tags) String() string { return strings.Join(*t, ",") }

func (t *tags) Set(text string) error {
	*t = append(*t, text)
	return nil
}

func read(args []string) (order, error) {
	var o order
	var epoch int64
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.out, "o", "", "tar `FILE` to write")
	flags.StringVar(&o.name, "name", "", "image name, without a tag")
	flags.StringVar(&o.program, "program", "hawser-speaker", "`NAME` of the binary in the image")
	flags.StringVar(&o.terms, "licences", "", "`FILE` with the licences of what is in the binary")
	flags.Var((*tags)(&o.tags), "tag", "`TAG`, may be repeated; the first is the version")
	flags.Int64Var(&epoch, "epoch", 0, "time of everything in it, in `SECONDS` since 1970")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.created = time.Unix(epoch, 0).UTC()
	if o.out == "" || o.name == "" || len(o.tags) == 0 || flags.NArg() == 0 {
		return o, errors.New("-o, -name, -tag and at least one PLATFORM=BINARY are needed")
	}
	for _, arg := range flags.Args() {
		platform, path, ok := strings.Cut(arg, "=")
		if !ok {
			return o, fmt.Errorf("%q is not PLATFORM=BINARY", arg)
		}
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			return o, fmt.Errorf("%s: %w", arg, err)
		}
		o.speaker = append(o.speaker, binary{platform: *p, path: path})
	}
	return o, nil
}
