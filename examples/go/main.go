// The whole way: a session, a login code, its check, messages that may be retried.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

var (
	emulatorURL = os.Getenv("EMULATOR_URL")
	session     = env("SESSION", "example-go")
	phone       = env("PHONE", "628111110006")
	recipient   = env("RECIPIENT", "6281234567006")
)

func main() {
	log.SetFlags(0)
	hub := NewWaHub(env("WAHUB_URL", "http://localhost:5001"), os.Getenv("WAHUB_KEY"))

	created := must(hub.EnsureSession(session))
	if created.QR != "" && emulatorURL != "" {
		scan(created.QR)
	} else if created.QR != "" {
		fmt.Println("Scan this QR with the phone:", created.QRPageURL, created.QRCode)
	}
	fmt.Println("linked:", must(hub.WaitUntilConnected(session, 2*time.Minute)).PhoneNumber)

	otp := must(hub.SendOTP(session, recipient, "Toko Maju", newKey()))
	fmt.Println("code sent, good until", otp.ExpiresAt)
	code := must(readCode(otp.MessageID))
	wrong := "000000"
	if code == wrong {
		wrong = "111111"
	}
	fmt.Println("wrong code accepted:", must(hub.CheckOTP(otp.OtpID, wrong)))
	fmt.Println("right code accepted:", must(hub.CheckOTP(otp.OtpID, code)))

	for _, to := range []string{"6281234567601", "6281234567602", "6281234567603"} {
		key := newKey()
		first := must(hub.SendText(session, to, "Pesanan Anda dikirim hari ini", key))
		again := must(hub.SendText(session, to, "Pesanan Anda dikirim hari ini", key))
		fmt.Println("queued:", first.MessageID, "a retry is the same message:", first.MessageID == again.MessageID)
	}
	fmt.Println("done")
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// newKey names one thing that is to happen once.
func newKey() string {
	bytes := make([]byte, 16)
	must(rand.Read(bytes))
	return hex.EncodeToString(bytes)
}

func scan(qr string) {
	body := must(json.Marshal(map[string]string{"qr": qr, "phone": phone}))
	response := must(http.Post(emulatorURL+"/scan", "application/json", bytes.NewReader(body)))
	response.Body.Close()
}

// readCode takes the code that the simulated recipient's phone has decrypted, or asks for it.
func readCode(messageID string) (string, error) {
	if emulatorURL == "" {
		fmt.Print("Code: ")
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		return strings.TrimSpace(line), err
	}
	for look := 0; look < 100; look++ {
		response, err := http.Get(emulatorURL + "/messages?to=" + recipient)
		if err != nil {
			return "", err
		}
		var arrived []struct{ ID, Text string }
		err = json.NewDecoder(response.Body).Decode(&arrived)
		response.Body.Close()
		if err != nil {
			return "", err
		}
		for _, message := range arrived {
			if code := regexp.MustCompile(`\d{6}`).FindString(message.Text); message.ID == messageID && code != "" {
				return code, nil
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return "", errors.New("the code did not arrive")
}
