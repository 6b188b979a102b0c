// Put beside GOWA's main.go before it is built: leads its whatsmeow to the emulated WhatsApp that EMULATOR_WA_URL and
// EMULATOR_ROOT_KEY name. Without them nothing is changed.
package main

import (
	"context"
	"encoding/hex"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"go.mau.fi/whatsmeow"
)

func init() {
	wa := os.Getenv("EMULATOR_WA_URL")
	if wa == "" {
		return
	}
	address, err := url.Parse(wa)
	if err != nil {
		log.Fatal(err)
	}
	key, err := hex.DecodeString(os.Getenv("EMULATOR_ROOT_KEY"))
	if err != nil || len(key) != len(whatsmeow.WACertPubKey) {
		log.Fatalf("EMULATOR_ROOT_KEY is not %d hex bytes", len(whatsmeow.WACertPubKey))
	}
	copy(whatsmeow.WACertPubKey[:], key)
	// whatsmeow's clients are copies of this transport. "wss" to whatsmeow, plain to the emulator; nothing else is dialed.
	transport := http.DefaultTransport.(*http.Transport)
	dial := func(ctx context.Context, network, host string) (net.Conn, error) {
		if !strings.Contains(host, "whatsapp") {
			return nil, &net.AddrError{Err: "not dialed in a benchmark", Addr: host}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address.Host)
	}
	transport.DialContext = dial
	transport.DialTLSContext = dial
}
