package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// WaHub is a small client of WaHub's API. It needs nothing but Go's standard library.
type WaHub struct {
	URL      string
	APIKey   string
	Attempts int
	client   http.Client
}

// NewWaHub makes a client that tries four times and waits as long as "Prefer: wait" may ask for.
func NewWaHub(url, apiKey string) *WaHub {
	return &WaHub{URL: url, APIKey: apiKey, Attempts: 4, client: http.Client{Timeout: 70 * time.Second}}
}

// Error is an answer that says no: Code is for the program, the text for a person.
type Error struct {
	Status            int             `json:"-"`
	RetryAfterSeconds int             `json:"-"`
	Code              string          `json:"code"`
	Message           string          `json:"message"`
	Details           json.RawMessage `json:"details"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// Session is how a session is; QR is what has to be scanned.
type Session struct {
	SessionID   string `json:"sessionId"`
	Status      string `json:"status"`
	IsConnected bool   `json:"isConnected"`
	PhoneNumber string `json:"phoneNumber"`
	QR          string `json:"qr"`
	QRCode      string `json:"qrCode"`
	QRPageURL   string `json:"qrPageUrl"`
	// User is the linked account; nil when a QR has to be scanned.
	User *struct {
		Phone string `json:"phone"`
	} `json:"user"`
}

// Sent is a message that is on its way; OtpID and ExpiresAt are those of a login code.
type Sent struct {
	MessageID string `json:"messageId"`
	OtpID     string `json:"otpId"`
	ExpiresAt string `json:"expiresAt"`
}

// request makes one request and reads the answer's data into result. A network failure, 429 and 5xx are tried again
// after a growing, random pause; with the same idempotencyKey nothing is sent twice.
func (w *WaHub) request(method, path string, body any, idempotencyKey string, result any) error {
	for attempt := 1; ; attempt++ {
		err := w.once(method, path, body, idempotencyKey, result)
		var failure *Error
		answered := errors.As(err, &failure)
		passing := err != nil && (!answered || failure.Status == 429 || failure.Status >= 500)
		if !passing || attempt >= w.Attempts {
			return err
		}
		wait := 500 * time.Millisecond << attempt
		if answered && failure.RetryAfterSeconds > 0 {
			wait = time.Duration(failure.RetryAfterSeconds) * time.Second
		}
		time.Sleep(time.Duration(float64(wait) * (0.75 + rand.Float64()/2)))
	}
}

func (w *WaHub) once(method, path string, body any, idempotencyKey string, result any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, w.URL+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("x-api-key", w.APIKey)
	request.Header.Set("content-type", "application/json")
	if idempotencyKey != "" {
		request.Header.Set("idempotency-key", idempotencyKey)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		failure := &Error{Status: response.StatusCode, Code: "UNKNOWN", Message: response.Status}
		failure.RetryAfterSeconds, _ = strconv.Atoi(response.Header.Get("retry-after"))
		_ = json.NewDecoder(response.Body).Decode(failure)
		return failure
	}
	return json.NewDecoder(response.Body).Decode(&struct {
		Data any `json:"data"`
	}{result})
}

// EnsureSession makes the session when there is none; QR is empty when it is linked already.
func (w *WaHub) EnsureSession(sessionID string) (Session, error) {
	var session Session
	err := w.request("POST", "/session/create", map[string]string{"sessionId": sessionID}, "", &session)
	var failure *Error
	if !errors.As(err, &failure) || failure.Code != "SESSION_EXISTS" {
		return session, err
	}
	session, err = w.Status(sessionID)
	if err == nil && session.User == nil {
		err = w.request("GET", "/session/qr/"+url.PathEscape(sessionID), nil, "", &session)
	}
	return session, err
}

// Status tells how a session is.
func (w *WaHub) Status(sessionID string) (Session, error) {
	var session Session
	err := w.request("GET", "/session/status?session="+url.QueryEscape(sessionID), nil, "", &session)
	return session, err
}

// WaitUntilConnected looks every second.
func (w *WaHub) WaitUntilConnected(sessionID string, timeout time.Duration) (Session, error) {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(time.Second) {
		session, err := w.Status(sessionID)
		if err != nil || session.IsConnected {
			return session, err
		}
		switch session.Status {
		case "failed", "logged_out", "replaced":
			return session, fmt.Errorf("the session is %s", session.Status)
		}
	}
	return Session{}, errors.New("nobody scanned the QR in time")
}

// SendText queues a message; the same idempotencyKey never sends a second one.
func (w *WaHub) SendText(session, to, text, idempotencyKey string) (Sent, error) {
	var sent Sent
	body := map[string]string{"session": session, "to": to, "text": text}
	err := w.request("POST", "/message/send-text", body, idempotencyKey, &sent)
	return sent, err
}

// SendOTP sends a login code, which stays with the service.
func (w *WaHub) SendOTP(session, to, companyName, idempotencyKey string) (Sent, error) {
	var sent Sent
	body := map[string]string{"session": session, "to": to, "companyName": companyName}
	err := w.request("POST", "/otp/send", body, idempotencyKey, &sent)
	return sent, err
}

// CheckOTP is true when the code is right; false when it is wrong, too old or tried too often.
func (w *WaHub) CheckOTP(otpID, otp string) (bool, error) {
	var checked Sent
	err := w.request("POST", "/otp/verify", map[string]string{"otpId": otpID, "otp": otp}, "", &checked)
	var failure *Error
	if errors.As(err, &failure) {
		switch failure.Code {
		case "OTP_INVALID", "OTP_EXPIRED", "OTP_MAX_ATTEMPTS", "OTP_NOT_FOUND":
			return false, nil
		}
	}
	return err == nil, err
}
