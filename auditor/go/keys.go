package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	longestNote = 1_000_000
	succession  = "gate/key-succession@v1"
	earlier     = "github.com/gate-rs/" // What stood before our names in earlier versions.
)

// small are the Ed25519 points of small order, without their sign bits. As a key, or as the first
// half of a signature, they fit too much.
var small = map[string]bool{
	"0000000000000000000000000000000000000000000000000000000000000000": true,
	"0100000000000000000000000000000000000000000000000000000000000000": true,
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05": true,
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a": true,
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": true,
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": true,
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": true,
}

// isSmall says whether 32 bytes are a point of small order.
func isSmall(point []byte) bool {
	unsigned := append([]byte{}, point...)
	unsigned[31] &= 0x7f
	return small[hex.EncodeToString(unsigned)]
}

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

// newKeys takes the key that the auditor was given, and those that a trail's successions introduce
// after it.
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
		if number, ok := decimal(file.Name()); ok && number > 0 {
			numbers = append(numbers, int(number))
			continue
		}
		// A writer that died may have left one of these.
		if number, ok := decimal(strings.TrimSuffix(file.Name(), ".tmp")); !ok || number == 0 {
			return nil, fmt.Errorf(
				"%s: %s does not belong there: take it away",
				plain(folder), plain(file.Name()))
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
		// Whoever was given a later key begins behind the succession that introduces it: it says nothing
		// of the keys before.
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
			return nil, fmt.Errorf(
				"%s: begins at %d, before the current key does at %d",
				where, next.from, current.from)
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
	parts := strings.SplitN(vkey, "+", 3)
	tagged, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(parts[2]) != 44 {
		return era{}, fmt.Errorf("%s: the key is not 33 bytes in 44 characters of base64", where)
	}
	// It takes capitals for the digits of the id, and names of any length.
	if parts[1] != fmt.Sprintf("%08x", verifier.KeyHash()) || !isName(parts[0]) {
		return era{}, fmt.Errorf("%s: write it as name+id+base64, in one line", where)
	}
	if isSmall(tagged[1:]) {
		return era{}, fmt.Errorf(
			"%s: the key is of small order, which anybody could sign for; get it again",
			where)
	}
	return era{verifier, tagged[1:], from, math.MaxInt64}, nil
}

// succession reads which key a note introduces. Who signed it is for the caller to check.
func (k *logKeys) succession(data []byte, where string) (era, error) {
	// The text ends where the reader of notes ends it: at the last empty line.
	if _, err := readSignatures(data, where); err != nil {
		return era{}, err
	}
	end := bytes.LastIndex(data, []byte("\n\n"))
	lines := strings.Split(string(data[:end]), "\n")
	if len(lines) != 4 || lines[0] != succession && lines[0] != earlier+succession {
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

// signature is a line behind a note's text: whose it says it is, and its bytes.
type signature struct {
	name  string
	hash  uint32
	bytes []byte
}

// readSignatures reads the signature lines of a note, in the one form that they have.
func readSignatures(data []byte, where string) ([]signature, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: is not UTF-8", where)
	}
	if bytes.IndexFunc(data, func(r rune) bool { return r < ' ' && r != '\n' }) >= 0 {
		return nil, fmt.Errorf("%s: has control characters", where)
	}
	end := bytes.LastIndex(data, []byte("\n\n"))
	if end < 0 {
		return nil, fmt.Errorf("%s: no text, empty line and signatures", where)
	}
	lines := string(data[end+2:])
	if !strings.HasSuffix(lines, "\n") {
		return nil, fmt.Errorf(
			"%s: no text, empty line and signatures that each end with a newline",
			where)
	}
	var found []signature
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "\u2014 "), " ")
		tagged, err := base64.StdEncoding.Strict().DecodeString(text)
		if !strings.HasPrefix(line, "\u2014 ") || !ok || !isName(name) || err != nil || len(tagged) < 5 {
			return nil, fmt.Errorf(
				"%s: a signature is not an em dash, a name and base64, one space between them",
				where)
		}
		found = append(found, signature{name, binary.BigEndian.Uint32(tagged), tagged[4:]})
	}
	if len(found) > 100 {
		return nil, fmt.Errorf("%s: more than 100 signatures", where)
	}
	return found, nil
}

func isName(text string) bool {
	odd := func(r rune) bool { return r < ' ' || r == '+' || unicode.IsSpace(r) }
	return text != "" && len(text) <= 1000 && strings.IndexFunc(text, odd) < 0
}

// open verifies a note with Go's own reader of notes: one of the keys has signed, and no signature
// claims one and is not by it.
func open(data []byte, where string, keys []era) (*note.Note, error) {
	signatures, err := readSignatures(data, where)
	if err != nil {
		return nil, err
	}
	verifiers, names := make([]note.Verifier, len(keys)), make([]string, len(keys))
	for at, key := range keys {
		verifiers[at], names[at] = key.verifier, key.String()
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	var invalid *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &invalid):
		return nil, fmt.Errorf(
			"%s: the signature of %s+%08x is not by that key: the text or the signature was changed",
			where, plain(invalid.Name), invalid.Hash)
	case errors.As(err, &unverified):
		return nil, fmt.Errorf("%s: %w by %s", where, errNotSigned, strings.Join(names, ", "))
	case err != nil:
		return nil, fmt.Errorf("%s: %v", where, err)
	}
	// It looks at the first signature of each key only. A later one that claims a key, and is not by
	// it, spoils the note as well.
	for _, by := range signatures {
		for _, key := range keys {
			if key.verifier.Name() != by.name || key.verifier.KeyHash() != by.hash {
				continue
			}
			if len(by.bytes) != 64 || isSmall(by.bytes[:32]) ||
				!key.verifier.Verify([]byte(opened.Text), by.bytes) {
				return nil, fmt.Errorf(
					"%s: the signature of %s is not by that key: the text or the signature was changed",
					where, key)
			}
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
	// The size decides who may sign, so it is read first, and counts only once the signature is
	// verified.
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
		return none, fmt.Errorf(
			"%s, line 2: no size as a decimal number below 2^63 without leading zeros",
			where)
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
		return none, fmt.Errorf(
			"%s, line 1: of the log %s, not of %s",
			where, plain(lines[0]), plain(k.origin))
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
	if size == 0 && root != sha256.Sum256(nil) {
		return none, fmt.Errorf("%s, line 3: not the root of an empty tree", where)
	}
	signer := fmt.Sprintf("%s+%08x", plain(opened.Sigs[0].Name), opened.Sigs[0].Hash)
	others := len(opened.Sigs) + len(opened.UnverifiedSigs) - 1
	return checkpoint{tlog.Tree{N: size, Hash: root}, signer, others}, nil
}

// parseHash reads a hash in the one form that it has.
func parseHash(text string) (tlog.Hash, bool) {
	hash, err := tlog.ParseHash(text)
	return hash, err == nil && hash.String() == text
}
