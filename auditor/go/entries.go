package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// kind is what an entry is.
type kind int

const (
	record kind = iota
	stub
	settlement
)

// entry is what a line of the trail says.
type entry struct {
	kind  kind
	value map[string]any
	at    string
	// seq is the number of a record or of a stub's.
	seq int64
	// length and digest are those of the record that a stub stands for.
	length int64
	digest string
	// settled is how far the trail had gone on, next where the records go on.
	settled, next int64
}

var digestForm = regexp.MustCompile(`\Asha256:[0-9a-f]{64}\z`)

// readEntry reads a record, the stub of a long one, or a settlement.
func readEntry(text, where string) (entry, error) {
	var none entry
	if !utf8.ValidString(text) {
		return none, fmt.Errorf("%s: is not UTF-8", where)
	}
	value, err := readJSON(text, where)
	if err != nil {
		return none, err
	}
	at, ok := value["at"].(string)
	if !ok {
		return none, fmt.Errorf("%s: has no time `at`", where)
	}
	if hasExactly(value, "at", "by", "next", "reason", "settled") {
		settled, ok1 := whole(value["settled"], 0)
		next, ok2 := whole(value["next"], 1)
		if !ok1 || !ok2 {
			return none, fmt.Errorf("%s: `next` and `settled` of a settlement are no whole numbers", where)
		}
		return entry{kind: settlement, value: value, at: at, settled: settled, next: next}, nil
	}
	seq, ok := whole(value["seq"], 1)
	if !ok {
		return none, fmt.Errorf("%s: is no settlement and has no whole number `seq`", where)
	}
	if hasExactly(value, "at", "bytes", "digest", "kind", "seq") {
		length, ok := whole(value["bytes"], 0)
		digest, _ := value["digest"].(string)
		if !ok || !digestForm.MatchString(digest) {
			return none, fmt.Errorf("%s: the stub of a long record has no length, or no digest sha256:<64 hex>", where)
		}
		return entry{kind: stub, value: value, at: at, seq: seq, length: length, digest: digest[7:]}, nil
	}
	_, isRecord := value["event"].(map[string]any)
	if _, mixed := value["settled"]; !isRecord || mixed {
		return none, fmt.Errorf("%s: is no record, no stub of a long record and no settlement", where)
	}
	return entry{kind: record, value: value, at: at, seq: seq}, nil
}

func hasExactly(value map[string]any, names ...string) bool {
	for _, name := range names {
		if _, ok := value[name]; !ok {
			return false
		}
	}
	return len(value) == len(names)
}

func whole(value any, least int64) (int64, bool) {
	text, ok := value.(json.Number)
	if !ok || len(text) > 15 {
		return 0, false
	}
	number, err := strconv.ParseInt(string(text), 10, 64)
	return number, err == nil && number >= least
}

// checkBody checks that a text is the long record that a stub stands for.
func checkBody(of entry, text, where string) (entry, error) {
	if int64(len(text)) != of.length {
		return entry{}, fmt.Errorf("%s is not of the logged %d bytes", where, of.length)
	}
	digest := sha256.Sum256([]byte(text))
	if hex.EncodeToString(digest[:]) != of.digest {
		return entry{}, fmt.Errorf("%s is not what was logged: its SHA-256 is another one", where)
	}
	body, err := readEntry(text, where)
	if err != nil {
		return entry{}, err
	}
	if body.kind != record || body.seq != of.seq || body.at != of.at {
		return entry{}, fmt.Errorf("%s: number or time is not that of the entry", where)
	}
	return body, nil
}

func (e entry) settlement() string {
	by, _ := canonical(e.value["by"])
	reason, _ := canonical(e.value["reason"])
	return fmt.Sprintf("settlement by %s at %s: the records go on at %d although the trail had gone on to %d: %s",
		plain(by), plain(e.at), e.next, e.settled, plain(reason))
}

// reader reads entries in their order, and whether each stands where its number says.
type reader struct {
	folder string
	// due is the number of the next record, last that of the one before; 0 where nothing is known of them.
	due, last       int64
	known           bool
	settlements     []string
	large           int
	firstAt, lastAt string
}

func (r *reader) read(index int64, data []byte) error {
	where := fmt.Sprintf("entry %d", index)
	known, due, last := r.known, r.due, r.last
	r.known = false
	found, err := readEntry(string(data), where)
	if err != nil {
		return err
	}
	if r.firstAt == "" {
		r.firstAt = found.at
	}
	r.lastAt, r.known = found.at, true
	if found.kind == settlement {
		r.due = found.next
		r.settlements = append(r.settlements, where+": "+found.settlement())
		if known && found.settled != last && found.settled != due-1 {
			return fmt.Errorf("%s: settles a trail that had gone on to %d, and it had gone on to %d", where, found.settled, last)
		}
		return nil
	}
	r.due, r.last = found.seq+1, found.seq
	if known && found.seq != due {
		return fmt.Errorf("%s: record %d stands where record %d is due", where, found.seq, due)
	}
	if found.kind == stub {
		r.large++
		name := "large/" + found.digest + ".json"
		where = where + ": its record " + name
		path := filepath.Join(r.folder, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s: %v", where, unreadable(name, err))
		}
		if info.Size() != found.length {
			return fmt.Errorf("%s is not of the logged %d bytes", where, found.length)
		}
		text, err := readFile(path, found.length)
		if err != nil {
			return fmt.Errorf("%s: %v", where, err)
		}
		_, err = checkBody(found, string(text), where)
		return err
	}
	return nil
}
