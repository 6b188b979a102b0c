package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

const (
	qrPhone   = "6281100009001"
	codePhone = "6281100009002"
	customer  = "6281200009001"
	stranger  = "6281200009002"
	absent    = "6281200009003"
)

type world struct {
	control control
	hooks   hooks
	dir     string
	log     complaints
	main    *device
	group   types.JID
}

type step struct {
	name string
	do   func(*world) (string, error)
}

var steps = []step{
	{"link by QR", linkByQR},
	{"send a text", sendText},
	{"receive a text by phone number and by LID", receiveText},
	{"upload and send media", sendMedia},
	{"receive and download media", receiveMedia},
	{"ask the directory", askDirectory},
	{"send again what could not be read", resend},
	{"send to a group", sendToGroup},
	{"receive in a group", receiveInGroup},
	{"show presence and typing", showPresence},
	{"meet an error acknowledgement", meetAckError},
	{"reconnect after a cut", reconnect},
	{"receive what came while away", receiveOffline},
	{"start again with the stored keys", restart},
	{"use up the pre-keys", usePreKeys},
	{"be logged out by the phone", loggedOut},
	{"link by pairing code", linkByCode},
	{"unlink itself", unlink},
	{"passkey by QR, with hand-off", passkeyQR},
	{"passkey by pairing code, with hand-off", passkeyCode},
	{"passkey without hand-off, code compared", passkeyCompared},
	{"passkey options asked for when they were left out", passkeyNoOptions},
	{"passkey refused, then accepted", passkeyRefused},
}

func (w *world) close() {
	if w.main != nil {
		w.main.Disconnect()
	}
}

func (w *world) open(phone string) (*device, error) {
	return open(w.hooks, w.dir, phone, w.log)
}

func user(phone string) types.JID { return types.NewJID(phone, types.DefaultUserServer) }

func text(words string) *waE2E.Message { return &waE2E.Message{Conversation: proto.String(words)} }

// awaitLink waits for the pairing, and for the login that follows it.
func awaitLink(d *device) error {
	if _, err := await[*events.PairSuccess](d, "the pairing", nil); err != nil {
		return err
	}
	_, err := await[*events.Connected](d, "the login after the pairing", nil)
	return err
}

func (w *world) qr(d *device) (string, error) {
	if err := d.Connect(); err != nil {
		return "", err
	}
	shown, err := await[*events.QR](d, "a QR code", nil)
	if err != nil {
		return "", err
	}
	if len(shown.Codes) == 0 {
		return "", fmt.Errorf("no QR codes")
	}
	return shown.Codes[0], nil
}

func linkByQR(w *world) (string, error) {
	d, err := w.open(qrPhone)
	if err != nil {
		return "", err
	}
	w.main = d
	code, err := w.qr(d)
	if err != nil {
		return "", err
	}
	scan := map[string]string{"qr": code, "phone": qrPhone, "name": "Toko Go"}
	var linked answer
	if err := w.control.post("/scan", scan, &linked); err != nil {
		return "", err
	}
	if err := awaitLink(d); err != nil {
		return "", err
	}
	if got := d.Store.ID.String(); got != linked.Jid {
		return "", fmt.Errorf("linked as %s, not as %s", got, linked.Jid)
	}
	// The key for contacts and settings, and the first history, come from the own phone.
	_, err = await[*events.HistorySync](d, "the first history", nil)
	return fmt.Sprintf("%s, %s", d.Store.ID, d.Store.LID), err
}

func sendText(w *world) (string, error) {
	ctx := context.Background()
	w.main.forget()
	sent, err := w.main.SendMessage(ctx, user(customer), text("halo dari Go"))
	if err != nil {
		return "", err
	}
	entry, err := w.control.message(sent.ID, customer)
	if err != nil {
		return "", err
	}
	if entry.Text != "halo dari Go" || entry.Copies != 1 || entry.Refused != 0 {
		return "", fmt.Errorf("arrived as %+v", entry)
	}
	for _, kind := range []types.ReceiptType{types.ReceiptTypeDelivered, types.ReceiptTypeRead} {
		is := func(r *events.Receipt) bool { return r.Type == kind && r.MessageIDs[0] == sent.ID }
		if _, err := await(w.main, "the receipt "+string(kind), is); err != nil {
			return "", err
		}
	}
	return "acknowledged, delivered, read", nil
}

func receiveText(w *world) (string, error) {
	for _, via := range []string{"pn", "lid"} {
		w.main.forget()
		words := "balas lewat " + via
		deliver := map[string]string{"to": qrPhone, "from": customer, "text": words, "via": via, "pushName": "Budi"}
		var sent answer
		if err := w.control.post("/deliver", deliver, &sent); err != nil {
			return "", err
		}
		got, err := awaitMessage(w.main, sent.Ids[0])
		if err != nil {
			return "", err
		}
		if got.Message.GetConversation() != words || got.Info.PushName != "Budi" || got.Info.IsFromMe {
			return "", fmt.Errorf("read as %v %+v", got.Message, got.Info)
		}
		number, other := got.Info.Sender, got.Info.SenderAlt
		if via == "lid" {
			number, other = other, number
		}
		if number.User != customer || other.Server != types.HiddenUserServer {
			return "", fmt.Errorf("from %s, also known as %s", got.Info.Sender, got.Info.SenderAlt)
		}
		ids := []types.MessageID{got.Info.ID}
		if err := w.main.MarkRead(context.Background(), ids, time.Now(), got.Info.Chat, got.Info.Sender); err != nil {
			return "", err
		}
		if err := w.inbound(sent.Ids[0], func(i inbound) bool { return i.ReceivedAt != "" && i.ReadAt != "" }); err != nil {
			return "", err
		}
	}
	return "both decrypted, confirmed and marked read", nil
}

func awaitMessage(d *device, id string) (*events.Message, error) {
	return await(d, "the message "+id, func(m *events.Message) bool { return m.Info.ID == id })
}

type inbound struct {
	Sends      int    `json:"sends"`
	Retries    int    `json:"retries"`
	ReceivedAt string `json:"receivedAt"`
	ReadAt     string `json:"readAt"`
	Nack       string `json:"nack"`
}

// inbound waits until the emulator knows that of a message which it sent to the client.
func (w *world) inbound(id string, matches func(inbound) bool) error {
	var found []inbound
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if err := w.control.get("/inbound", url.Values{"id": {id}}, &found); err != nil {
			return err
		}
		if len(found) == 1 && matches(found[0]) {
			return nil
		}
	}
	return fmt.Errorf("the emulator knows of %s: %+v", id, found)
}

func randomFile() []byte {
	file := make([]byte, 300_000)
	_, _ = rand.Read(file)
	return file
}

func sendMedia(w *world) (string, error) {
	ctx := context.Background()
	file := randomFile()
	up, err := w.main.Upload(ctx, file, whatsmeow.MediaImage)
	if err != nil {
		return "", err
	}
	sent, err := w.main.SendMessage(ctx, user(customer), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		Caption:       proto.String("foto"),
		Mimetype:      proto.String("image/jpeg"),
		URL:           &up.URL,
		DirectPath:    &up.DirectPath,
		MediaKey:      up.MediaKey,
		FileEncSHA256: up.FileEncSHA256,
		FileSHA256:    up.FileSHA256,
		FileLength:    &up.FileLength,
	}})
	if err != nil {
		return "", err
	}
	entry, err := w.control.message(sent.ID, customer)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(file)
	if entry.FileSha256 != hex.EncodeToString(hash[:]) || entry.MediaError != "" || entry.Caption != "foto" {
		return "", fmt.Errorf("arrived as %+v", entry)
	}
	// The same file once more by its path alone, as a client does that forwards it.
	again, err := w.main.DownloadMediaWithPath(ctx, up.DirectPath, up.FileEncSHA256, up.FileSHA256, up.MediaKey,
		whatsmeow.MediaImage, "image", false)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(again, file) {
		return "", fmt.Errorf("another file came back")
	}
	return fmt.Sprintf("%d bytes, decrypted by the recipient with the same SHA-256", len(file)), nil
}

func receiveMedia(w *world) (string, error) {
	ctx := context.Background()
	kinds := []string{"image", "video", "audio", "ptt", "document", "sticker"}
	for _, kind := range kinds {
		file := randomFile()
		deliver := map[string]any{"to": qrPhone, "from": customer, "kind": kind, "data": file, "fileName": "a.pdf"}
		if kind != "document" {
			delete(deliver, "fileName")
		}
		var sent answer
		if err := w.control.post("/deliver", deliver, &sent); err != nil {
			return "", err
		}
		got, err := awaitMessage(w.main, sent.Ids[0])
		if err != nil {
			return "", fmt.Errorf("%s: %w", kind, err)
		}
		back, err := w.main.DownloadAny(ctx, got.Message)
		if err != nil {
			return "", fmt.Errorf("%s: %w", kind, err)
		}
		if !bytes.Equal(back, file) {
			return "", fmt.Errorf("%s: another file", kind)
		}
	}
	return strings.Join(kinds, ", "), nil
}

func askDirectory(w *world) (string, error) {
	rule := map[string]string{"number": absent, "behaviour": "not_on_whatsapp"}
	if err := w.control.post("/rules", rule, nil); err != nil {
		return "", err
	}
	ctx := context.Background()
	found, err := w.main.IsOnWhatsApp(ctx, []string{"+" + customer, "+" + absent})
	if err != nil {
		return "", err
	}
	isIn := map[string]bool{}
	for _, one := range found {
		isIn[strings.TrimPrefix(one.Query, "+")] = one.IsIn
	}
	if !isIn[customer] || isIn[absent] {
		return "", fmt.Errorf("the directory said %+v", found)
	}
	info, err := w.main.GetUserInfo(ctx, []types.JID{user(customer)})
	if err != nil {
		return "", err
	}
	about := info[user(customer)]
	if about.LID.IsEmpty() || len(about.Devices) == 0 {
		return "", fmt.Errorf("user info %+v", info)
	}
	return fmt.Sprintf("%s is %s with %d device, %s is not there", customer, about.LID, len(about.Devices), absent), nil
}

func resend(w *world) (string, error) {
	rule := map[string]string{"number": stranger, "behaviour": "retry:1"}
	if err := w.control.post("/rules", rule, nil); err != nil {
		return "", err
	}
	sent, err := w.main.SendMessage(context.Background(), user(stranger), text("sekali lagi"))
	if err != nil {
		return "", err
	}
	entry, err := w.control.message(sent.ID, stranger)
	if err != nil {
		return "", err
	}
	if entry.Text != "sekali lagi" || entry.RetriesAsked != 1 {
		return "", fmt.Errorf("arrived as %+v", entry)
	}
	return fmt.Sprintf("read at copy %d", entry.Copies), nil
}

func sendToGroup(w *world) (string, error) {
	create := map[string]any{"subject": "Keluarga", "participants": []string{qrPhone, customer, stranger}}
	var made answer
	if err := w.control.post("/groups", create, &made); err != nil {
		return "", err
	}
	group, err := types.ParseJID(made.ID)
	if err != nil {
		return "", err
	}
	w.group = group
	ctx := context.Background()
	joined, err := w.main.GetJoinedGroups(ctx)
	if err != nil {
		return "", err
	}
	if len(joined) != 1 || joined[0].JID != group || joined[0].Name != "Keluarga" || len(joined[0].Participants) != 3 {
		return "", fmt.Errorf("joined groups %+v", joined)
	}
	for _, words := range []string{"halo semua", "sekali lagi semua"} {
		sent, err := w.main.SendMessage(ctx, group, text(words))
		if err != nil {
			return "", err
		}
		for _, member := range []string{customer, stranger} {
			entry, err := w.control.groupMessage(sent.ID, member)
			if err != nil {
				return "", err
			}
			if entry.Text != words {
				return "", fmt.Errorf("arrived as %+v", entry)
			}
		}
	}
	return fmt.Sprintf("%s, two messages, each read by two members", group), nil
}

func receiveInGroup(w *world) (string, error) {
	deliver := map[string]any{"to": qrPhone, "from": customer, "group": w.group.String(), "text": "dari grup {n}", "count": 2}
	var sent answer
	if err := w.control.post("/deliver", deliver, &sent); err != nil {
		return "", err
	}
	for n, id := range sent.Ids {
		// The sender key comes as an event of its own, under the same id.
		want := fmt.Sprintf("dari grup %d", n+1)
		is := func(m *events.Message) bool { return m.Info.ID == id && m.Message.GetConversation() == want }
		got, err := await(w.main, want, is)
		if err != nil {
			return "", err
		}
		if got.Info.Chat != w.group || got.Info.Sender.Server != types.HiddenUserServer {
			return "", fmt.Errorf("read as %v %+v", got.Message, got.Info)
		}
	}
	return "sender key and two messages", nil
}

func showPresence(w *world) (string, error) {
	ctx := context.Background()
	// It comes with the settings of the account (app state); without it whatsmeow shows no presence.
	for deadline := time.Now().Add(patience); w.main.Store.PushName == ""; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			return "", fmt.Errorf("the account's name did not come")
		}
	}
	if w.main.Store.PushName != "Toko Go" {
		return "", fmt.Errorf("the account is called %q", w.main.Store.PushName)
	}
	if err := w.main.SendPresence(ctx, types.PresenceAvailable); err != nil {
		return "", err
	}
	if err := w.main.SendChatPresence(ctx, user(customer), types.ChatPresenceComposing, types.ChatPresenceMediaText); err != nil {
		return "", err
	}
	var seen []struct{ Kind, Type string }
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if err := w.control.get("/activity", url.Values{"phone": {qrPhone}}, &seen); err != nil {
			return "", err
		}
		kinds := fmt.Sprint(seen)
		if strings.Contains(kinds, "{presence available}") && strings.Contains(kinds, "{chatstate composing}") {
			return "knows its name from the settings; available, composing", nil
		}
	}
	return "", fmt.Errorf("seen: %v", seen)
}

func meetAckError(w *world) (string, error) {
	rule := map[string]string{"number": stranger, "behaviour": "ack_error:463:1"}
	if err := w.control.post("/rules", rule, nil); err != nil {
		return "", err
	}
	_, err := w.main.SendMessage(context.Background(), user(stranger), text("ditolak"))
	if err == nil || !strings.Contains(err.Error(), "463") {
		return "", fmt.Errorf("the client was told %v", err)
	}
	return err.Error(), nil
}

func reconnect(w *world) (string, error) {
	for _, fault := range []string{"drop", "close"} {
		w.main.forget()
		if err := w.control.post("/faults", map[string]string{"kind": fault, "phone": qrPhone}, nil); err != nil {
			return "", err
		}
		if _, err := await[*events.Disconnected](w.main, "the end of the connection", nil); err != nil {
			return "", err
		}
		if _, err := await[*events.Connected](w.main, "the next connection", nil); err != nil {
			return "", err
		}
		sent, err := w.main.SendMessage(context.Background(), user(customer), text("kembali setelah "+fault))
		if err != nil {
			return "", err
		}
		if _, err := w.control.message(sent.ID, customer); err != nil {
			return "", err
		}
	}
	return "after a cut TCP connection and after a closed WebSocket, with a message each", nil
}

func receiveOffline(w *world) (string, error) {
	w.main.Disconnect()
	deliver := map[string]any{"to": qrPhone, "from": customer, "text": "sementara {n}", "count": 5}
	var sent answer
	if err := w.control.post("/deliver", deliver, &sent); err != nil {
		return "", err
	}
	w.main.forget()
	if err := w.main.Connect(); err != nil {
		return "", err
	}
	if _, err := await[*events.OfflineSyncPreview](w.main, "the number of what waits", nil); err != nil {
		return "", err
	}
	for _, id := range sent.Ids {
		if _, err := awaitMessage(w.main, id); err != nil {
			return "", err
		}
		if err := w.inbound(id, func(i inbound) bool { return i.ReceivedAt != "" }); err != nil {
			return "", err
		}
	}
	done, err := await[*events.OfflineSyncCompleted](w.main, "the end of what waited", nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d messages, counted as %d", len(sent.Ids), done.Count), nil
}

func restart(w *world) (string, error) {
	w.main.Disconnect()
	again, err := w.open(qrPhone)
	if err != nil {
		return "", err
	}
	w.main = again
	if err := again.Connect(); err != nil {
		return "", err
	}
	if _, err := await[*events.Connected](again, "the login", nil); err != nil {
		return "", err
	}
	sent, err := again.SendMessage(context.Background(), user(customer), text("setelah mulai ulang"))
	if err != nil {
		return "", err
	}
	entry, err := w.control.message(sent.ID, customer)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("read at copy %d", entry.Copies), nil
}

// usePreKeys is written to by so many strangers that the client has to upload new keys.
func usePreKeys(w *world) (string, error) {
	type session struct {
		Phone   string `json:"phone"`
		PreKeys int    `json:"preKeys"`
	}
	stock := func() (int, error) {
		var all []session
		err := w.control.get("/sessions", nil, &all)
		for _, one := range all {
			if one.Phone == qrPhone {
				return one.PreKeys, err
			}
		}
		return 0, fmt.Errorf("no session of %s: %v", qrPhone, err)
	}
	before, err := stock()
	if err != nil {
		return "", err
	}
	messages := make([]map[string]string, before-2)
	for n := range messages {
		messages[n] = map[string]string{"to": qrPhone, "from": fmt.Sprintf("62813%07d", n), "text": "perkenalan"}
	}
	var sent answer
	if err := w.control.post("/deliver", map[string]any{"messages": messages}, &sent); err != nil {
		return "", err
	}
	for _, id := range sent.Ids {
		if _, err := awaitMessage(w.main, id); err != nil {
			return "", err
		}
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		after, err := stock()
		if err != nil {
			return "", err
		}
		if after > 5 {
			return fmt.Sprintf("%d strangers, then %d keys again", len(messages), after), nil
		}
	}
	return "", fmt.Errorf("no new pre-keys came")
}

func loggedOut(w *world) (string, error) {
	w.main.forget()
	if err := w.control.post("/faults", map[string]string{"kind": "logout", "phone": qrPhone}, nil); err != nil {
		return "", err
	}
	told, err := await[*events.LoggedOut](w.main, "the logout", nil)
	if err != nil {
		return "", err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if w.main.Store.Deleted {
			return fmt.Sprintf("reason %s, keys deleted", told.Reason), nil
		}
	}
	return "", fmt.Errorf("reason %s, but the keys are still there", told.Reason)
}

func pairingCode(d *device) (string, error) {
	if err := d.Connect(); err != nil {
		return "", err
	}
	if _, err := await[*events.QR](d, "the login socket", nil); err != nil {
		return "", err
	}
	return d.PairPhone(context.Background(), d.phone, true, whatsmeow.PairClientChrome, "Chrome (Linux)")
}

func linkByCode(w *world) (string, error) {
	d, err := w.open(codePhone)
	if err != nil {
		return "", err
	}
	w.main = d
	code, err := pairingCode(d)
	if err != nil {
		return "", err
	}
	wrong := w.control.post("/pair", map[string]string{"code": "11111111", "phone": codePhone}, nil)
	if wrong == nil {
		return "", fmt.Errorf("a wrong code was taken")
	}
	if err := w.control.post("/pair", map[string]string{"code": code, "phone": codePhone}, nil); err != nil {
		return "", err
	}
	if err := awaitLink(d); err != nil {
		return "", err
	}
	sent, err := d.SendMessage(context.Background(), user(customer), text("lewat kode"))
	if err != nil {
		return "", err
	}
	_, err = w.control.message(sent.ID, customer)
	return fmt.Sprintf("%s, a wrong code refused first, then a message", d.Store.ID), err
}

func unlink(w *world) (string, error) {
	if err := w.main.Logout(context.Background()); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		var all []answer
		if err := w.control.get("/sessions", nil, &all); err != nil {
			return "", err
		}
		if len(all) == 0 {
			return "no device is linked any more", nil
		}
	}
	return "", fmt.Errorf("the device is still linked")
}
