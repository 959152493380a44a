package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	receiptHeader  = "gate/receipt@v1"
	longestReceipt = 10_000_000
)

// proof is an entry of a receipt, with what stands beside it.
type proof struct {
	line      int
	index     int64
	text      string
	additions []addition
	hashes    tlog.RecordProof
}

// addition is the text of a `with` line.
type addition struct {
	line int
	text string
}

func verifyReceipt(file, vkey, folder string) error {
	if folder != "" && !exists(folder) {
		return fmt.Errorf("%s: no folder", plain(folder))
	}
	keys, err := newKeys(vkey, folder)
	if err != nil {
		return err
	}
	data, err := readFile(file, longestReceipt)
	if err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("receipt: is not UTF-8")
	}
	head, tail, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return fmt.Errorf("receipt: no empty line between the entries and the checkpoint")
	}
	if len(tail) > longestNote {
		return fmt.Errorf("receipt, checkpoint: longer than %d bytes", longestNote)
	}
	signed, err := keys.checkpoint([]byte(tail), "receipt, checkpoint")
	if err != nil {
		return err
	}
	proofs, err := readProofs(strings.Split(head, "\n"))
	if err != nil {
		return err
	}
	var shown strings.Builder
	follows := &reader{calls: calls{keeps: true, last: map[string]int64{}}}
	for at, proof := range proofs {
		// Between two settlements the records' numbers go on by one, also where entries are not in the
		// receipt.
		if at > 0 && follows.due != 0 {
			follows.due += proof.index - proofs[at-1].index - 1
		}
		if err := proof.verify(signed.tree, follows, &shown); err != nil {
			return err
		}
	}
	fmt.Print(shown.String())
	these := "these"
	if len(proofs) == 1 {
		these = "this"
	}
	fmt.Printf(
		"OK: %s has logged %s in a tree of %d entries, signed by %s\n",
		plain(keys.origin), these, signed.tree.N, signed.signer)
	return nil
}

func readProofs(lines []string) ([]proof, error) {
	if lines[0] != receiptHeader && lines[0] != earlier+receiptHeader {
		return nil, fmt.Errorf("receipt, line 1: not `%s`", receiptHeader)
	}
	var proofs []proof
	for at, line := range lines[1:] {
		number := at + 2
		if text := strings.TrimPrefix(line, "entry "); text != line {
			index, rest, _ := strings.Cut(text, " ")
			value, ok := decimal(index)
			if !ok {
				return nil, fmt.Errorf(
					"receipt, line %d: no index as a decimal number without leading zeros",
					number)
			}
			if len(proofs) > 0 && value <= proofs[len(proofs)-1].index {
				return nil, fmt.Errorf(
					"receipt, line %d: entry %d stands there twice, or behind a later one",
					number, value)
			}
			proofs = append(proofs, proof{line: number, index: value, text: rest})
			continue
		}
		if len(proofs) == 0 {
			return nil, fmt.Errorf("receipt, line %d: no `entry`, an index and the logged text", number)
		}
		last := &proofs[len(proofs)-1]
		hash, isHash := parseHash(line)
		switch {
		case strings.HasPrefix(line, "with ") && len(last.hashes) == 0:
			last.additions = append(last.additions, addition{number, strings.TrimPrefix(line, "with ")})
		case isHash:
			last.hashes = append(last.hashes, hash)
		default:
			return nil, fmt.Errorf(
				"receipt, line %d: no `entry`, no hash of 44 characters of base64, and no `with` right "+
					"behind an entry",
				number)
		}
	}
	if len(proofs) == 0 {
		return nil, fmt.Errorf("receipt: no entry")
	}
	return proofs, nil
}

// climb is the root that a proof leads to (RFC 9162, section 2.1.3.2), if it has as many hashes as
// it must.
func climb(index, size int64, reached tlog.Hash, proof tlog.RecordProof) (tlog.Hash, bool) {
	last := size - 1
	for _, sibling := range proof {
		if last == 0 {
			return reached, false
		}
		if index&1 == 1 || index == last {
			reached = tlog.NodeHash(sibling, reached)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			reached = tlog.NodeHash(reached, sibling)
		}
		index, last = index>>1, last>>1
	}
	return reached, last == 0
}

func (p proof) verify(tree tlog.Tree, follows *reader, shown *strings.Builder) error {
	where := fmt.Sprintf("receipt, line %d, entry %d", p.line, p.index)
	if p.index >= tree.N {
		return fmt.Errorf("%s: the tree has %d entries only", where, tree.N)
	}
	// The package tlog can check this, too, but only for trees below 2^62.
	root, ok := climb(p.index, tree.N, tlog.RecordHash([]byte(p.text)), p.hashes)
	if !ok || root != tree.Hash {
		return fmt.Errorf(
			"%s: this text does not stand at %d in the signed tree: text, index or hashes were changed",
			where, p.index)
	}
	found, err := readEntry(p.text, where)
	if err != nil {
		return err
	}
	var disclosures strings.Builder
	for _, addition := range p.additions {
		where := fmt.Sprintf("receipt, line %d", addition.line)
		value, err := readJSON(addition.text, where)
		if err != nil {
			return err
		}
		switch {
		case hasExactly(value, "field", "salt", "value"):
			commitment, err := disclosed(found.value, value, where)
			if err != nil {
				return err
			}
			field, _ := canonical(value["field"])
			secret, _ := canonical(value["value"])
			fmt.Fprintf(&disclosures, "  disclosed %s: %s (%s)\n", plain(field), plain(secret), commitment)
		case found.kind == stub:
			if found, err = checkBody(found, addition.text, where); err != nil {
				return err
			}
		default:
			return fmt.Errorf(
				"%s: neither a secret value (field, salt, value) nor the long record of an entry that is "+
					"a stub",
				where)
		}
	}
	if found.kind == stub {
		return fmt.Errorf(
			"%s: the long record is not beside it, in a line that begins with `with`",
			where)
	}
	if err := follows.follow(found, where); err != nil {
		return err
	}
	if found.kind == record {
		if err := follows.calls.read(found, where); err != nil {
			return err
		}
	}
	fmt.Fprintf(shown, "entry %d:\n", p.index)
	show(shown, found.value, "")
	shown.WriteString(disclosures.String())
	return nil
}

// disclosed finds the commitment of a secret value: only where a record's arguments have their
// commitments, for elsewhere others write.
func disclosed(record, addition map[string]any, where string) (string, error) {
	field, ok := addition["field"].(string)
	text, _ := addition["salt"].(string)
	salt, err := hex.DecodeString(text)
	if !ok || err != nil || len(salt) != 16 || hex.EncodeToString(salt) != text {
		return "", fmt.Errorf("%s: no field, or no salt of 32 hexadecimal digits", where)
	}
	value, ok := canonical(addition["value"])
	if !ok {
		return "", fmt.Errorf("%s: the value has no canonical form", where)
	}
	sum := sha256.Sum256(append(salt, value...))
	digest := hex.EncodeToString(sum[:])
	for _, place := range []string{"/event/arguments", "/event/vote/decision/arguments"} {
		arguments, _ := atPointer(record, place)
		object, _ := arguments.(map[string]any)
		if !commits(object["secrets"], "sha256:"+digest) {
			continue
		}
		// The mark says of which field the commitment is.
		if mark, _ := atPointer(object["json"], field); mark != "[secret "+digest[:32]+"]" {
			return "", fmt.Errorf(
				"%s: the entry has a commitment to this value, and not at %s",
				where, plain(field))
		}
		return "sha256:" + digest, nil
	}
	return "", fmt.Errorf("%s: the entry has no commitment to this value with this salt", where)
}

func commits(secrets any, digest string) bool {
	list, _ := secrets.([]any)
	for _, item := range list {
		secret, _ := item.(map[string]any)
		if len(secret) == 1 && secret["digest"] == digest {
			return true
		}
	}
	return false
}
