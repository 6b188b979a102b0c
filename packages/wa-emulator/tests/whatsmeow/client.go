package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store/sqlstore"
	waLog "go.mau.fi/whatsmeow/util/log"
	_ "modernc.org/sqlite"
)

const patience = 30 * time.Second

// hooks are what whatsmeow offers to reach another server than WhatsApp's.
type hooks struct {
	socket *http.Client
	media  *http.Client
}

// pointAt leads whatsmeow to the emulator: the root of its Noise certificates, a transport that dials the emulator in
// the place of web.whatsapp.com, and one for media that trusts its certificate.
func pointAt(waURL, rootKey, caFile string) (hooks, error) {
	key, err := hex.DecodeString(rootKey)
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		return hooks{}, fmt.Errorf("the root key is not %d hex bytes: %v", len(whatsmeow.WACertPubKey), err)
	}
	copy(whatsmeow.WACertPubKey[:], key)
	address, err := url.Parse(waURL)
	if err != nil {
		return hooks{}, err
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return hooks{}, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return hooks{}, fmt.Errorf("%s holds no certificate", caFile)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address.Host)
	}
	return hooks{
		// "wss" to whatsmeow, plain to the emulator.
		socket: &http.Client{Transport: &http.Transport{DialTLSContext: dial, DialContext: dial}},
		media: &http.Client{
			Timeout:   patience,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		},
	}, nil
}

// device is one whatsmeow client with a store of its own in a file, and everything it was told.
type device struct {
	*whatsmeow.Client
	phone  string
	mu     sync.Mutex
	events []any
	seen   chan struct{}
}

// open makes a client over the store of that name; the second time it is the same device.
func open(h hooks, dir, phone string, log waLog.Logger) (*device, error) {
	ctx := context.Background()
	file := filepath.Join(dir, phone+".db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_pragma=synchronous(off)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	container := sqlstore.NewWithDB(db, "sqlite3", log)
	if err := container.Upgrade(ctx); err != nil {
		return nil, err
	}
	stored, err := container.GetFirstDevice(ctx)
	if err != nil {
		return nil, err
	}
	d := &device{Client: whatsmeow.NewClient(stored, log), phone: phone, seen: make(chan struct{}, 1)}
	d.SetWebsocketHTTPClient(h.socket)
	d.SetPreLoginHTTPClient(h.socket)
	d.SetMediaHTTPClient(h.media)
	d.AddEventHandler(func(event any) {
		d.mu.Lock()
		d.events = append(d.events, event)
		d.mu.Unlock()
		select {
		case d.seen <- struct{}{}:
		default:
		}
	})
	return d, nil
}

// await waits for an event of type T that matches, also one that came since the last forget.
func await[T any](d *device, what string, matches func(T) bool) (T, error) {
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		for _, event := range d.events {
			if found, ok := event.(T); ok && (matches == nil || matches(found)) {
				d.mu.Unlock()
				return found, nil
			}
		}
		d.mu.Unlock()
		select {
		case <-d.seen:
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			var none T
			return none, fmt.Errorf("%s did not come within %s", what, patience)
		}
	}
}

// forget drops the events so far, so that await means new ones.
func (d *device) forget() {
	d.mu.Lock()
	d.events = nil
	d.mu.Unlock()
}

// complaints collects what whatsmeow warns of: a server it knows well would give it no reason.
type complaints struct {
	mu    *sync.Mutex
	lines *[]string
	name  string
}

func newComplaints() complaints {
	return complaints{mu: &sync.Mutex{}, lines: &[]string{}, name: "whatsmeow"}
}

func (c complaints) add(level, message string, args []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.lines = append(*c.lines, level+" "+c.name+" "+fmt.Sprintf(message, args...))
}

func (c complaints) Warnf(message string, args ...any)  { c.add("WARN", message, args) }
func (c complaints) Errorf(message string, args ...any) { c.add("ERROR", message, args) }
func (c complaints) Infof(string, ...any)               {}
func (c complaints) Debugf(message string, args ...any) {
	if os.Getenv("DEBUG") != "" {
		fmt.Fprintf(os.Stderr, c.name+" "+message+"\n", args...)
	}
}
func (c complaints) Sub(module string) waLog.Logger {
	c.name += "/" + module
	return c
}

// take gives the complaints so far and forgets them.
func (c complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := *c.lines
	*c.lines = nil
	return lines
}
