package environ

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// The images that are used when none is named: the official one, and the one
// that .ci/postgres-image builds where no registry is reached.
const (
	officialImage = "postgres:17-alpine"
	builtImage    = "signoff-postgres:17"
)

// pullTimeout bounds a pull when the options do not.
const pullTimeout = 3 * time.Minute

// image is a container image, here or to be pulled.
type image struct {
	name    string
	present bool
	digest  string // of one that is present
}

// chooseImage returns the image to use. Unless it is present, its registry has
// just confirmed that it can be pulled.
func (o Options) chooseImage(ctx context.Context, d *daemon) (image, error) {
	names := []string{o.Image}
	if o.Image == "" {
		names = []string{officialImage, builtImage}
	}
	for _, name := range names {
		if found, err := d.client.ImageInspect(ctx, name); err == nil {
			digest := found.ID
			if len(found.RepoDigests) > 0 {
				digest = found.RepoDigests[0]
			}
			return image{name: name, present: true, digest: digest}, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err := d.client.DistributionInspect(ctx, names[0], client.DistributionInspectOptions{EncodedRegistryAuth: registryAuth(ctx, names[0])})
	if err != nil {
		return image{}, cannotPull(names[0])
	}
	return image{name: names[0]}, nil
}

func cannotPull(name string) error {
	wayOut := "pull it by hand (docker pull " + name + ")"
	if name == officialImage {
		wayOut += ", or build one from Debian packages (.ci/postgres-image)"
	}
	return unusable{why: fmt.Sprintf("image %s is not here and cannot be pulled", name), wayOut: wayOut}
}

// registryAuth is what the user's Docker configuration holds for an image.
func registryAuth(ctx context.Context, name string) string {
	_, auth, err := testcontainers.DockerImageAuth(ctx, name)
	if err != nil {
		return "" // expected for public images
	}
	encoded, err := authconfig.Encode(auth)
	if err != nil {
		return ""
	}
	return encoded
}

// pull fetches an image within the time allowed, and says how far it is.
func (o Options) pull(ctx context.Context, d *daemon, name string) error {
	limit := o.PullTimeout
	if limit == 0 {
		limit = pullTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errPullTime)
	defer cancel()
	o.say("postgres: pulling %s, at most %v", name, limit)
	stream, err := d.client.ImagePull(ctx, name, client.ImagePullOptions{RegistryAuth: registryAuth(ctx, name)})
	if err != nil {
		return cannotPull(name)
	}
	var progress pullProgress
	said := time.Now()
	for message, err := range stream.JSONMessages(ctx) {
		switch {
		case errors.Is(context.Cause(ctx), errPullTime):
			return unusable{
				why:    fmt.Sprintf("image %s could not be pulled within %v", name, limit),
				wayOut: "pull it by hand (docker pull " + name + ")",
			}
		case err != nil || message.Error != nil:
			return cannotPull(name)
		case message.Progress != nil && message.Status == "Downloading":
			progress.note(message.ID, message.Progress.Current, message.Progress.Total)
		}
		if time.Since(said) > 2*time.Second {
			said = time.Now()
			o.say("postgres: pulling %s: %s", name, &progress)
		}
	}
	return nil
}

// errPullTime is the cause of a pull that took too long.
var errPullTime = errors.New("the pull took too long")

// pullProgress adds up the layers of an image.
type pullProgress struct {
	layers map[string][2]int64 // bytes that came, bytes in all
}

func (p *pullProgress) note(layer string, current, total int64) {
	if p.layers == nil {
		p.layers = map[string][2]int64{}
	}
	p.layers[layer] = [2]int64{current, total}
}

func (p *pullProgress) String() string {
	var current, total int64
	for _, l := range p.layers {
		current += l[0]
		total += l[1]
	}
	return fmt.Sprintf("%d of %d MB", current/1e6, total/1e6)
}
