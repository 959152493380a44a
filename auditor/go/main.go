// Command gate-verify verifies a trail or a receipt of Gate with Go's own packages for signed notes
// and transparency logs. It has none of Gate's code, and opens no connection.
//
//	gate-verify TRAIL VKEY [--since OLD_CHECKPOINT]
//	gate-verify --receipt FILE VKEY [--keys FOLDER]
//
// TRAIL is the trail's folder, VKEY the log's key (name+id+base64) from someone you trust.
// OLD_CHECKPOINT is the trail's checkpoint as you kept it from an earlier time: the trail must
// continue that one. FOLDER is a trail's folder "keys", for a receipt that a later key of the log
// has signed.
//
// Exit code: 0 it holds, 1 it does not, 2 the program could not begin.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

const usage = `gate-verify TRAIL VKEY [--since OLD_CHECKPOINT]
gate-verify --receipt FILE VKEY [--keys FOLDER]
`

func main() {
	options := map[string]string{"--since": "", "--receipt": "", "--keys": ""}
	var plainly []string
	understood := true
	for args := os.Args[1:]; len(args) > 0; args = args[1:] {
		_, known := options[args[0]]
		switch {
		case known && len(args) > 1:
			options[args[0]] = args[1]
			args = args[1:]
		case known || strings.HasPrefix(args[0], "-"):
			understood = false
		default:
			plainly = append(plainly, args[0])
		}
	}
	since, receipt, folder := options["--since"], options["--receipt"], options["--keys"]
	var err error
	switch {
	case understood && receipt == "" && folder == "" && len(plainly) == 2:
		err = verifyTrail(plainly[0], plainly[1], since)
	case understood && receipt != "" && since == "" && len(plainly) == 1:
		err = verifyReceipt(receipt, plainly[0], folder)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			fmt.Fprintln(os.Stderr, "REFUSED: "+line)
		}
		os.Exit(1)
	}
}

// plain is text that others wrote, with nothing in it that moves a terminal's cursor or turns the
// reading direction.
func plain(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "\\u{%x}", r)
		}
	}
	return out.String()
}

// readFile reads a file that has no more bytes than it may have.
func readFile(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: longer than %d bytes", plain(path), most)
	}
	return data, nil
}

func unreadable(path string, err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("%s: %v", plain(path), err)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// decimal reads a number in the one form that it has, below 2^63.
func decimal(text string) (int64, bool) {
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil && number >= 0 && strconv.FormatInt(number, 10) == text
}
