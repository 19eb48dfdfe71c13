package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/watch"
)

// serveMetrics serves the state of a watch at http://address/metrics until ctx ends; done is closed when it has stopped. It is for this machine
// alone, as it tells names of nothing but still what work is done.
func serveMetrics(ctx context.Context, address string, s *watch.Service, log *slog.Logger) (done <-chan struct{}, err error) {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &pipeline.FieldError{Field: "metrics_addr", Value: address, Want: "name an address of this machine alone, such as 127.0.0.1:9105"}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&watchCollector{ctx, s}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are served no more", "error", err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Info("serving metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	return closed, nil
}

var (
	jobsMetric    = prometheus.NewDesc("gesso_jobs", "Photos in the journal by state.", []string{"state"}, nil)
	currentMetric = prometheus.NewDesc("gesso_jobs_in_progress", "Photos that processes on this machine work on.", nil, nil)
	lastMetric    = prometheus.NewDesc("gesso_last_picture_timestamp_seconds", "When the last picture was made; absent before the first.", nil, nil)
	recentMetric  = prometheus.NewDesc("gesso_pictures_last_10_minutes", "Pictures made within the last ten minutes.", nil, nil)
	waitsMetric   = prometheus.NewDesc("gesso_waiting_for_machine", "1 while a full disk, a missing volume or the like keeps work from going on.", nil, nil)
	looksMetric   = prometheus.NewDesc("gesso_folder_scans_total", "Looks at the whole folder since the start.", nil, nil)
)

// watchCollector reads the journal when metrics are asked for.
type watchCollector struct {
	ctx     context.Context
	service *watch.Service
}

// Describe sends the metrics' descriptions.
func (c *watchCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{jobsMetric, currentMetric, lastMetric, recentMetric, waitsMetric, looksMetric} {
		out <- d
	}
}

// Collect sends the metrics.
func (c *watchCollector) Collect(out chan<- prometheus.Metric) {
	s, err := c.service.Status(c.ctx, 0)
	if err != nil {
		out <- prometheus.NewInvalidMetric(jobsMetric, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, state := range journal.States {
		gauge(jobsMetric, float64(s.Counts[state]), string(state))
	}
	gauge(currentMetric, float64(len(s.Current)))
	gauge(recentMetric, float64(s.Recent))
	if !s.Last.IsZero() {
		gauge(lastMetric, float64(s.Last.UnixMilli())/1e3)
	}
	waits := 0.0
	if c.service.Trouble() != "" {
		waits = 1
	}
	gauge(waitsMetric, waits)
	out <- prometheus.MustNewConstMetric(looksMetric, prometheus.CounterValue, float64(c.service.Looks()))
}
