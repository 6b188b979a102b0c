package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// control is the emulator's control API.
type control struct{ url string }

// answer is whatever an endpoint gives back; the fields that are looked into.
type answer struct {
	Phone   string   `json:"phone"`
	Jid     string   `json:"jid"`
	Passkey string   `json:"passkey"`
	Ids     []string `json:"ids"`
	ID      string   `json:"id"`
	Stage   string   `json:"stage"`
	Code    *string  `json:"code"`
	Refusal *string  `json:"refusal"`
}

func (c control) post(path string, body any, result any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(c.url+path, "application/json", bytes.NewReader(encoded))
	return decode(path, response, err, result)
}

func (c control) get(path string, query url.Values, result any) error {
	response, err := http.Get(c.url + path + "?" + query.Encode())
	return decode(path, response, err, result)
}

func decode(path string, response *http.Response, err error, result any) error {
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s: %d %s", path, response.StatusCode, text)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(text, result)
}

// received is a message as its recipient read it.
type received struct {
	ID           string `json:"id"`
	From         string `json:"from"`
	To           string `json:"to"`
	Type         string `json:"type"`
	Text         string `json:"text"`
	Caption      string `json:"caption"`
	FileSha256   string `json:"fileSha256"`
	FileSize     int    `json:"fileSize"`
	MediaError   string `json:"mediaError"`
	DecryptError string `json:"decryptError"`
	Copies       int    `json:"copies"`
	Refused      int    `json:"refused"`
	RetriesAsked int    `json:"retriesAsked"`
	OwnCopy      bool   `json:"ownCopy"`
	ReadAt       string `json:"readAt"`
}

// message waits until the recipient has read the message of that id and the sender's own phone has its copy.
func (c control) message(id, to string) (received, error) {
	return c.read(id, to, true)
}

// groupMessage waits until that member has read it.
func (c control) groupMessage(id, member string) (received, error) {
	return c.read(id, member, false)
}

func (c control) read(id, to string, wantOwnCopy bool) (received, error) {
	var last []received
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if err := c.get("/messages", url.Values{"id": {id}, "to": {to}}, &last); err != nil {
			return received{}, err
		}
		if len(last) == 1 && last[0].ReadAt != "" && (last[0].OwnCopy || !wantOwnCopy) {
			return last[0], nil
		}
	}
	return received{}, fmt.Errorf("%s was not read by %s: %+v", id, to, last)
}
