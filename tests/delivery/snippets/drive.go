package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"receiver/webhooks"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var parts []string
		for _, text := range strings.Split(lines.Text(), "\t") {
			part, _ := base64.StdEncoding.DecodeString(text)
			parts = append(parts, string(part))
		}
		fmt.Println(webhooks.IsGenuine(parts[0], parts[1], parts[2], parts[3], []byte(parts[4])))
	}
}
