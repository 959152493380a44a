package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	longestNote = 1_000_000
	succession  = "github.com/gate-rs/gate/key-succession@v1"
	// The package tlog counts in signed 64-bit numbers, and wants room for twice the size.
	largest = 1 << 61
)

// era is a key of the log, with the sizes of tree from and up to which it is in force.
type era struct {
	verifier    note.Verifier
	bytes       []byte
	from, until int64
}

func (e era) String() string {
	return fmt.Sprintf("%s+%08x", plain(e.verifier.Name()), e.verifier.KeyHash())
}

// logKeys are the keys of a log, one after the other.
type logKeys struct {
	origin string
	eras   []era
}

// newKeys takes the key that the auditor was given, and those that a trail's successions introduce after it.
func newKeys(vkey, folder string) (*logKeys, error) {
	first, err := newEra(vkey, 0, "the key you gave")
	if err != nil {
		return nil, err
	}
	keys := &logKeys{first.verifier.Name(), []era{first}}
	if folder == "" || !exists(folder) {
		return keys, nil
	}
	listed, err := os.ReadDir(folder)
	if err != nil {
		return nil, unreadable(folder, err)
	}
	var numbers []int
	for _, file := range listed {
		if number, ok := decimal(file.Name()); ok && number > 0 && number < 1_000_000_000 {
			numbers = append(numbers, int(number))
		}
	}
	sort.Ints(numbers)
	var notes [][]byte
	var introduced []era
	begin := 0
	for at, number := range numbers {
		if number != at+1 {
			return nil, fmt.Errorf("%s: the successions are not 1, 2, 3, … without a gap", plain(folder))
		}
		where := filepath.Join(folder, strconv.Itoa(number))
		data, err := readFile(where, longestNote)
		if err != nil {
			return nil, err
		}
		next, err := keys.succession(data, plain(where))
		if err != nil {
			return nil, err
		}
		notes, introduced = append(notes, data), append(introduced, next)
		// Whoever was given a later key begins behind the succession that introduces it: it says nothing of the keys before.
		if begin == 0 && bytes.Equal(next.bytes, first.bytes) {
			begin = at + 1
		}
	}
	if len(notes) > 0 {
		where := plain(filepath.Join(folder, "1"))
		if _, err := open(notes[0], where, []era{first}); err == nil {
			begin = 0
		} else if !errors.Is(err, errNotSigned) {
			return nil, err
		}
	}
	for at := begin; at < len(notes); at++ {
		where, next := plain(filepath.Join(folder, strconv.Itoa(at+1))), introduced[at]
		current := &keys.eras[len(keys.eras)-1]
		if _, err := open(notes[at], where, []era{*current}); err != nil {
			return nil, err
		}
		for _, known := range keys.eras {
			if bytes.Equal(known.bytes, next.bytes) {
				return nil, fmt.Errorf("%s: introduces a key that the log had before", where)
			}
		}
		if next.from < current.from {
			return nil, fmt.Errorf("%s: begins at %d, before the current key does at %d", where, next.from, current.from)
		}
		current.until = next.from
		keys.eras = append(keys.eras, next)
	}
	return keys, nil
}

func newEra(vkey string, from int64, where string) (era, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return era{}, fmt.Errorf("%s: %v; write it as name+id+base64, in one line", where, err)
	}
	// NewVerifier has found two plus signs and base64 behind them.
	text := strings.SplitN(vkey, "+", 3)[2]
	tagged, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(text) != 44 {
		return era{}, fmt.Errorf("%s: the key is not 33 bytes in 44 characters of base64", where)
	}
	return era{verifier, tagged[1:], from, math.MaxInt64}, nil
}

// succession reads which key a note introduces. Who signed it is for the caller to check.
func (k *logKeys) succession(data []byte, where string) (era, error) {
	// The text ends where the reader of notes ends it: at the last empty line.
	end := bytes.LastIndex(data, []byte("\n\n"))
	if end < 0 {
		return era{}, fmt.Errorf("%s: no text, empty line and signatures", where)
	}
	lines := strings.Split(string(data[:end]), "\n")
	if len(lines) != 4 || lines[0] != succession {
		return era{}, fmt.Errorf("%s: no key succession of four lines", where)
	}
	if lines[1] != "origin "+k.origin {
		return era{}, fmt.Errorf("%s, line 2: of another log than %s", where, plain(k.origin))
	}
	from, ok := decimal(strings.TrimPrefix(lines[2], "from "))
	if !ok || !strings.HasPrefix(lines[2], "from ") {
		return era{}, fmt.Errorf("%s, line 3: no `from` and a size", where)
	}
	if !strings.HasPrefix(lines[3], "key ") {
		return era{}, fmt.Errorf("%s, line 4: no `key` and a key", where)
	}
	return newEra(strings.TrimPrefix(lines[3], "key "), from, where+", line 4")
}

// errNotSigned is that none of the keys has signed a note.
var errNotSigned = errors.New("not signed")

// open verifies a note with Go's own reader of notes: one of the keys has signed, and no signature claims one and is not by it.
func open(data []byte, where string, keys []era) (*note.Note, error) {
	verifiers, names := make([]note.Verifier, len(keys)), make([]string, len(keys))
	for at, key := range keys {
		verifiers[at], names[at] = key.verifier, key.String()
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	var invalid *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &invalid):
		return nil, fmt.Errorf("%s: the signature of %s+%08x is not by that key: the text or the signature was changed", where, plain(invalid.Name), invalid.Hash)
	case errors.As(err, &unverified):
		return nil, fmt.Errorf("%s: %w by %s", where, errNotSigned, strings.Join(names, ", "))
	case err != nil:
		return nil, fmt.Errorf("%s: %v", where, err)
	}
	// The reader takes base64 with stray bits. Here every note has one form.
	for _, signature := range append(append([]note.Signature{}, opened.Sigs...), opened.UnverifiedSigs...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return nil, fmt.Errorf("%s: a signature is not in the canonical form of base64", where)
		}
	}
	return opened, nil
}

// checkpoint is a size and a root that a key of the log has signed.
type checkpoint struct {
	tree   tlog.Tree
	signer string
	others int
}

// checkpoint reads the size and root that a key in force at that size has signed.
func (k *logKeys) checkpoint(data []byte, where string) (checkpoint, error) {
	var none checkpoint
	// The size decides who may sign, so it is read first, and counts only once the signature is verified.
	end := bytes.LastIndex(data, []byte("\n\n"))
	if end < 0 {
		return none, fmt.Errorf("%s: no text, empty line and signatures", where)
	}
	lines := strings.Split(string(data[:end]), "\n")
	if len(lines) < 3 {
		return none, fmt.Errorf("%s: no origin, size and root", where)
	}
	size, ok := decimal(lines[1])
	if !ok {
		return none, fmt.Errorf("%s, line 2: no size as a decimal number below 2^63 without leading zeros", where)
	}
	root, ok := parseHash(lines[2])
	if !ok {
		return none, fmt.Errorf("%s, line 3: no root of 32 bytes as 44 characters of base64", where)
	}
	for _, line := range lines {
		if line == "" {
			return none, fmt.Errorf("%s: an empty line in the text", where)
		}
	}
	if lines[0] != k.origin {
		return none, fmt.Errorf("%s, line 1: of the log %s, not of %s", where, plain(lines[0]), plain(k.origin))
	}
	var valid, expired []era
	for _, key := range k.eras {
		if key.from <= size && size <= key.until {
			valid = append(valid, key)
		} else {
			expired = append(expired, key)
		}
	}
	opened, err := open(data, where, valid)
	if errors.Is(err, errNotSigned) {
		if _, other := open(data, where, expired); other == nil {
			err = fmt.Errorf("%s: signed by a key that is not in force at size %d", where, size)
		}
	}
	if err != nil {
		return none, err
	}
	if size > largest {
		return none, fmt.Errorf("%s, line 2: a larger tree than this program can reckon with", where)
	}
	if size == 0 && root != sha256.Sum256(nil) {
		return none, fmt.Errorf("%s, line 3: not the root of an empty tree", where)
	}
	signer := fmt.Sprintf("%s+%08x", plain(opened.Sigs[0].Name), opened.Sigs[0].Hash)
	return checkpoint{tlog.Tree{N: size, Hash: root}, signer, len(opened.Sigs) + len(opened.UnverifiedSigs) - 1}, nil
}

// parseHash reads a hash in the one form that it has.
func parseHash(text string) (tlog.Hash, bool) {
	hash, err := tlog.ParseHash(text)
	return hash, err == nil && hash.String() == text
}
