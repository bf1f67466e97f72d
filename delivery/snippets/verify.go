// Go 1.18 or later, without modules.
package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

const toleranceS = 5 * 60

// IsGenuine tells whether a request was signed with the secret, and at most five minutes ago.
//
// The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for one
// that is missing. The body is the body as it came, not what a parser made of it.
func IsGenuine(secret, messageID, timestamp, signatures string, body []byte) bool {
	sentAt, err := strconv.ParseInt(timestamp, 10, 64)
	now := time.Now().Unix()
	if err != nil || sentAt < now-toleranceS || sentAt > now+toleranceS {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(messageID + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// There are several while a secret is rotated: one that fits is enough.
	for _, signature := range strings.Split(signatures, " ") {
		if hmac.Equal(expected, []byte(signature)) {
			return true
		}
	}
	return false
}

// In a handler, for example, before the body is parsed:
//
//	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2<<20))
//	if err != nil || !webhooks.IsGenuine(os.Getenv("WEBHOOK_SECRET"), r.Header.Get("webhook-id"),
//		r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), body) {
//		w.WriteHeader(http.StatusUnauthorized)
//		return
//	}
