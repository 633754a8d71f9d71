package environ

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// relay stands between the library, which cannot be cancelled, and the
// repository: when ctx ends, so does what it forwards.
type relay struct {
	url    string
	server *http.Server
	ended  chan error
}

func startRelay(ctx context.Context, repository string) (*relay, error) {
	target, err := url.Parse(repository)
	if err != nil || target.Host == "" {
		return nil, unusable{why: fmt.Sprintf("the repository %q is no address", repository), wayOut: "correct SIGNOFF_EMBEDDED_REPOSITORY"}
	}
	forward := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // the library tells of the error
	}
	listener, err := listenLoopback(ctx)
	if err != nil {
		return nil, err
	}
	r := &relay{url: "http://" + listener.Addr().String(), ended: make(chan error, 1)}
	r.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			forwarded, cancel := context.WithCancel(request.Context())
			defer cancel()
			defer context.AfterFunc(ctx, cancel)()
			forward.ServeHTTP(w, request.WithContext(forwarded))
		}),
	}
	go func() { r.ended <- r.server.Serve(listener) }()
	return r, nil
}

func (r *relay) close() error {
	err := r.server.Close()
	if ended := <-r.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
