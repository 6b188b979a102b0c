package main

import (
	"context"
	"fmt"
	"net/url"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// asks makes an account ask for a passkey, and one thing go wrong.
func (w *world) asks(phone, fault string) error {
	rule := map[string]any{"number": phone, "passkey": true}
	if fault != "" {
		rule["fault"] = fault
	}
	return w.control.post("/rules", rule, nil)
}

// scanned opens a client whose QR code is scanned by an account that asks for a passkey, up to the request.
func (w *world) scanned(phone, fault string) (*device, *types.WebAuthnPublicKey, error) {
	if err := w.asks(phone, fault); err != nil {
		return nil, nil, err
	}
	d, err := w.open(phone)
	if err != nil {
		return nil, nil, err
	}
	code, err := w.qr(d)
	if err != nil {
		return nil, nil, err
	}
	var asked answer
	if err := w.control.post("/scan", map[string]string{"qr": code, "phone": phone}, &asked); err != nil {
		return nil, nil, err
	}
	options, err := d.request(asked)
	return d, options, err
}

func (d *device) request(asked answer) (*types.WebAuthnPublicKey, error) {
	if asked.Passkey != "asked" {
		return nil, fmt.Errorf("the account did not ask for a passkey: %+v", asked)
	}
	event, err := await[*events.PairPasskeyRequest](d, "the demand for a passkey", nil)
	if err != nil {
		return nil, err
	}
	return event.PublicKey, nil
}

// sign is what the browser of the account's owner does, in whatsmeow's types on both sides.
func (w *world) sign(phone string, options *types.WebAuthnPublicKey) (*types.WebAuthnResponse, error) {
	if options.RelyingPartID != "whatsapp.com" || len(options.Challenge) < 16 || len(options.AllowCredentials) != 1 {
		return nil, fmt.Errorf("strange options %+v", options)
	}
	var assertion types.WebAuthnResponse
	err := w.control.post("/passkey/sign", map[string]any{"phone": phone, "options": options}, &assertion)
	return &assertion, err
}

func (w *world) signAndSend(d *device, options *types.WebAuthnPublicKey) error {
	assertion, err := w.sign(d.phone, options)
	if err != nil {
		return err
	}
	return d.SendPasskeyResponse(context.Background(), assertion)
}

// finish waits for the phone's answer and confirms; gives the event, in which the code to compare is.
func (w *world) finish(d *device, handedOff bool) (string, error) {
	shown, err := await[*events.PairPasskeyConfirmation](d, "the phone's answer", nil)
	if err != nil {
		return "", err
	}
	if shown.SkipHandoffUX != handedOff {
		return "", fmt.Errorf("hand-off skipped: %t", shown.SkipHandoffUX)
	}
	var phone answer
	if err := w.control.get("/passkey", url.Values{"phone": {d.phone}}, &phone); err != nil {
		return "", err
	}
	if handedOff != (phone.Code == nil) {
		return "", fmt.Errorf("hand-off %t, but the phone shows %v", handedOff, phone.Code)
	}
	if phone.Code != nil && *phone.Code != shown.Code {
		return "", fmt.Errorf("the phone shows %s, whatsmeow %s", *phone.Code, shown.Code)
	}
	if err := d.SendPasskeyConfirmation(context.Background()); err != nil {
		return "", err
	}
	if err := awaitLink(d); err != nil {
		return "", err
	}
	sent, err := d.SendMessage(context.Background(), user(customer), text("dengan passkey"))
	if err != nil {
		return "", err
	}
	if _, err := w.control.message(sent.ID, customer); err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%s, hand-off proved, no code to compare", d.Store.ID)
	if phone.Code != nil {
		detail = fmt.Sprintf("%s, both show %s", d.Store.ID, shown.Code)
	}
	d.Disconnect()
	return detail, nil
}

func passkeyQR(w *world) (string, error) {
	d, options, err := w.scanned("6281100009011", "")
	if err != nil {
		return "", err
	}
	if err := w.signAndSend(d, options); err != nil {
		return "", err
	}
	return w.finish(d, true)
}

func passkeyCode(w *world) (string, error) {
	const phone = "6281100009012"
	if err := w.asks(phone, ""); err != nil {
		return "", err
	}
	d, err := w.open(phone)
	if err != nil {
		return "", err
	}
	code, err := pairingCode(d)
	if err != nil {
		return "", err
	}
	var asked answer
	if err := w.control.post("/pair", map[string]string{"code": code, "phone": phone}, &asked); err != nil {
		return "", err
	}
	options, err := d.request(asked)
	if err != nil {
		return "", err
	}
	if err := w.signAndSend(d, options); err != nil {
		return "", err
	}
	return w.finish(d, true)
}

// passkeyCompared: the phone goes away after the signature. The hand-off was used up with it, so the second signature,
// over a new challenge, goes without, and a code has to be compared.
func passkeyCompared(w *world) (string, error) {
	d, options, err := w.scanned("6281100009013", "phone_away")
	if err != nil {
		return "", err
	}
	if err := w.signAndSend(d, options); err != nil {
		return "", err
	}
	renewed, err := d.DangerousInternals().GetPasskeyRequestOptions(context.Background())
	if err != nil {
		return "", err
	}
	if string(renewed.Challenge) == string(options.Challenge) {
		return "", fmt.Errorf("the challenge is the old one")
	}
	if err := w.signAndSend(d, renewed); err != nil {
		return "", err
	}
	return w.finish(d, false)
}

func passkeyNoOptions(w *world) (string, error) {
	d, options, err := w.scanned("6281100009014", "no_options")
	if err != nil {
		return "", err
	}
	if err := w.signAndSend(d, options); err != nil {
		return "", err
	}
	return w.finish(d, true)
}

func passkeyRefused(w *world) (string, error) {
	d, options, err := w.scanned("6281100009015", "refused")
	if err != nil {
		return "", err
	}
	refused := w.signAndSend(d, options)
	if refused == nil {
		return "", fmt.Errorf("the refusal did not reach whatsmeow")
	}
	if err := w.signAndSend(d, options); err != nil {
		return "", err
	}
	detail, err := w.finish(d, true)
	return fmt.Sprintf("first %q, then %s", refused, detail), err
}
