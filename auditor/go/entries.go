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
			return none, fmt.Errorf(
				"%s: the stub of a long record has no length, or no digest sha256:<64 hex>",
				where)
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

// exact is the largest whole number that everybody reads alike.
const exact = 1 << 53

func whole(value any, least int64) (int64, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseInt(string(text), 10, 64)
	return number, err == nil && number >= least && number <= exact
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
	event, _ := body.value["event"].(map[string]any)
	if body.kind != record || body.seq != of.seq || body.at != of.at ||
		event["type"] != of.value["kind"] {
		return entry{}, fmt.Errorf("%s: number, time or kind is not that of the entry", where)
	}
	return body, nil
}

func (e entry) settlement() string {
	by, _ := canonical(e.value["by"])
	reason, _ := canonical(e.value["reason"])
	return fmt.Sprintf("settlement by %s at %s: the records go on at %d "+
		"although the trail had gone on to %d: %s",
		plain(by), plain(e.at), e.next, e.settled, plain(reason))
}

// calls has the records of each call: the first one begins it, and their numbers are 1, 2, 3, …
// Records from before there were any have none.
type calls struct {
	// keeps is whether it keeps what it has read: of a receipt, that is little.
	keeps  bool
	stands []standing
	last   map[string]int64
	// partial is whether a call that was not met yet may have begun before.
	partial bool
}

type standing struct {
	seq, number int64
	call        string
}

func (c *calls) read(of entry, where string) error {
	number := of.value["call_seq"]
	subject, _ := of.value["subject"].(map[string]any)
	call, ok := subject["approval"].(string)
	if !ok {
		if number != nil {
			return fmt.Errorf("%s: has a number within a call, and names no call", where)
		}
		return nil
	}
	before, known := c.last[call]
	event, _ := of.value["event"].(map[string]any)
	if !known && !c.partial && event["type"] != "assessed" && event["type"] != "imported" {
		return fmt.Errorf(
			"%s: the call %s does not begin so: its first record is missing",
			where, plain(call))
	}
	found, fits := whole(number, 1)
	if number == nil {
		fits = before == 0
	} else {
		fits = fits && (found == before+1 || !known && c.partial)
	}
	if !fits {
		shown := "a record without a number"
		if number != nil {
			text, _ := canonical(number)
			shown = "record " + plain(text)
		}
		return fmt.Errorf(
			"%s: %s of the call %s stands where its record %d is due",
			where, shown, plain(call), before+1)
	}
	c.last[call] = found
	if c.keeps {
		c.stands = append(c.stands, standing{of.seq, found, call})
	}
	return nil
}

// settle is called where the records go on at a number that they had before: those from there on
// count no more.
func (c *calls) settle(next int64) {
	c.partial = !c.keeps
	c.last = map[string]int64{}
	var stands []standing
	for _, kept := range c.stands {
		if kept.seq < next {
			stands = append(stands, kept)
			c.last[kept.call] = kept.number
		}
	}
	c.stands = stands
}

// reader reads entries in their order, and whether each stands where its numbers say.
type reader struct {
	folder string
	// due is the number of the next record; 0 where it is not known.
	due             int64
	calls           calls
	settlements     []string
	large           int
	firstAt, lastAt string
}

// unknown is called where an entry was passed over: nothing is known of the numbers that are due.
func (r *reader) unknown() {
	r.due = 0
	r.calls = calls{last: map[string]int64{}, partial: true}
}

// follow checks that an entry has the number that is due.
func (r *reader) follow(found entry, where string) error {
	due := r.due
	if found.kind == settlement {
		r.due = found.next
		r.calls.settle(found.next)
		if found.next > found.settled+1 {
			return fmt.Errorf(
				"%s: settles that records go on at %d, and leaves out those from %d on",
				where, found.next, found.settled+1)
		}
		if due != 0 && found.settled != due-1 {
			return fmt.Errorf(
				"%s: settles a trail that had gone on to %d, and it had gone on to %d",
				where, found.settled, due-1)
		}
		return nil
	}
	r.due = found.seq + 1
	if due != 0 && found.seq != due {
		return fmt.Errorf("%s: record %d stands where record %d is due", where, found.seq, due)
	}
	return nil
}

func (r *reader) read(index int64, data []byte) error {
	where := fmt.Sprintf("entry %d", index)
	found, err := readEntry(string(data), where)
	if err != nil {
		r.unknown()
		return err
	}
	if r.firstAt == "" {
		r.firstAt = found.at
	}
	r.lastAt = found.at
	if err := r.follow(found, where); err != nil {
		return err
	}
	switch found.kind {
	case settlement:
		r.settlements = append(r.settlements, where+": "+found.settlement())
		return nil
	case stub:
		r.large++
		if found, err = r.readLarge(found, where); err != nil {
			return err
		}
	}
	return r.calls.read(found, where)
}

func (r *reader) readLarge(of entry, where string) (entry, error) {
	name := "large/" + of.digest + ".json"
	where = where + ": its record " + name
	path := filepath.Join(r.folder, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %v", where, unreadable(name, err))
	}
	if info.Size() != of.length {
		return entry{}, fmt.Errorf("%s is not of the logged %d bytes", where, of.length)
	}
	text, err := readFile(path, of.length)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %v", where, err)
	}
	return checkBody(of, string(text), where)
}
