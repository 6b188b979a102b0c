// A whole WhatsApp client on whatsmeow, which shares no line with the emulator, works with it as with WhatsApp: links by
// QR code, by pairing code and with a passkey, sends, receives, moves media, is in a group, loses its connection.
//
//	go run . -control http://127.0.0.1:5002 -wa ws://127.0.0.1:5003/ws/chat -root <hex> -ca data/emulator/ca.pem
//
// Prints one line of JSON for each step, and at the end what whatsmeow warned of. Ends with 1 when a step failed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

type line struct {
	Step       string   `json:"step"`
	OK         bool     `json:"ok"`
	Ms         int64    `json:"ms"`
	Detail     string   `json:"detail,omitempty"`
	Error      string   `json:"error,omitempty"`
	Complaints []string `json:"complaints,omitempty"`
}

func main() {
	controlURL := flag.String("control", "http://127.0.0.1:5002", "the emulator's control API")
	waURL := flag.String("wa", "ws://127.0.0.1:5003/ws/chat", "the emulator's WebSocket")
	root := flag.String("root", "", "hex public key of the emulator's Noise certificate root")
	ca := flag.String("ca", "data/emulator/ca.pem", "the certificate of the emulator's media server")
	flag.Parse()
	if err := run(*controlURL, *waURL, *root, *ca); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(controlURL, waURL, root, ca string) error {
	h, err := pointAt(waURL, root, ca)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "whatsmeow-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := newComplaints()
	w := &world{control: control{controlURL}, hooks: h, dir: dir, log: log}
	failed := 0
	print(line{Step: "version", OK: true, Detail: "whatsmeow " + version()})
	for _, step := range steps {
		started := time.Now()
		detail, err := step.do(w)
		said := line{Step: step.name, OK: err == nil, Detail: detail, Complaints: log.take()}
		said.Ms = time.Since(started).Milliseconds()
		if err != nil {
			said.Error = err.Error()
			failed++
		}
		print(said)
	}
	w.close()
	if failed > 0 {
		return fmt.Errorf("%d of %d steps failed", failed, len(steps))
	}
	return nil
}

func print(l line) {
	_ = json.NewEncoder(os.Stdout).Encode(l)
}

// version of whatsmeow that this program was built with.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == "go.mau.fi/whatsmeow" {
			return dep.Version
		}
	}
	return "unknown"
}
