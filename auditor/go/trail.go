package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// emptyRoot is the root of an empty tree in RFC 6962; the package tlog has another one.
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

const mostShown = 5

func verifyTrail(folder, vkey, since string) error {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: no folder", plain(folder))
	}
	keys, err := newKeys(vkey, filepath.Join(folder, "keys"))
	if err != nil {
		return err
	}
	signed, err := readCheckpoint(keys, filepath.Join(folder, "checkpoint"), "checkpoint")
	if err != nil {
		return err
	}
	size, root := signed.tree.N, signed.tree.Hash
	fmt.Printf(
		"checkpoint: %s, %d entries, root %v, signed by %s\n",
		plain(keys.origin), size, root, signed.signer)
	if signed.others > 0 {
		fmt.Printf("  %d further signatures are not looked at\n", signed.others)
	}
	old := tlog.Tree{N: -1}
	if since != "" {
		earlier, err := readCheckpoint(keys, since, plain(since))
		if err != nil {
			return err
		}
		old = earlier.tree
		if old.N > size {
			return fmt.Errorf(
				"checkpoint: %d entries, and %s has %d: entries were taken away",
				size, plain(since), old.N)
		}
	}
	files := &tiles{folder, signed.tree}
	tree := &frontier{peaks: map[int64]tlog.Hash{}}
	entries := &reader{folder: folder, due: 1, calls: calls{last: map[string]int64{}}}
	found := &findings{files: files}
	for number := int64(0); number*full < size; number++ {
		bundle, broken, err := files.entries(number)
		if err != nil {
			last := number*full + int64(files.hashTile(0, number).W) - 1
			found.certain("entries %d to %d cannot be read: %v", number*full, last, err)
			return found.refusal()
		}
		changed := found.compare(number, bundle)
		for at, data := range bundle {
			index := number*full + int64(at)
			nodes, err := tree.append(data)
			if err != nil {
				return err
			}
			for level := 8; level < len(nodes); level += 8 {
				found.compareUpper(level/8, index>>uint(level), nodes[level])
			}
			if tree.size == old.N {
				if reached, err := tree.root(); err != nil || reached != old.Hash {
					found.certain(
						"the first %d entries are not those of %s: history was changed; keep both checkpoints, "+
							"both are signed",
						old.N, plain(since))
				}
			}
			if changed[at] {
				entries.unknown()
			} else if err := entries.read(index, data); err != nil {
				found.certain("%v", err)
			}
		}
		if broken != "" {
			found.certain("%s", broken)
		}
		if len(bundle) < files.hashTile(0, number).W {
			return found.refusal()
		}
	}
	reached, err := tree.root()
	if err != nil {
		return err
	}
	if reached != root {
		reason := fmt.Sprintf("the entries do not lead to the root that was signed, but to %v", reached)
		if err := found.refusal(); err != nil {
			return fmt.Errorf("%w\n%s", err, reason)
		}
		return errors.New(reason)
	}
	found.entriesHold()
	if err := found.refusal(); err != nil {
		return err
	}
	for _, line := range entries.settlements {
		fmt.Println(line)
	}
	if since != "" {
		fmt.Printf("it continues %s: %d entries since then\n", plain(since), size-old.N)
	}
	if size > 0 {
		fmt.Printf("%d entries from %s to %s; %d long records, %d settlements\n",
			size, plain(entries.firstAt), plain(entries.lastAt), entries.large, len(entries.settlements))
	}
	fmt.Println("OK: the entries are those that the checkpoint signs, in that order, " +
		"and none is missing")
	return nil
}

func readCheckpoint(keys *logKeys, file, where string) (checkpoint, error) {
	data, err := readFile(file, longestNote)
	if err != nil {
		return checkpoint{}, err
	}
	return keys.checkpoint(data, where)
}

// findings are what is wrong, in the order in which it was found.
type findings struct {
	files *tiles
	shown []string
	count int
	// doubtful are entries that a tile contradicts where nothing tells which of the two was changed.
	doubtful []doubt
	// wrongTiles are tiles that contradict the entries, or cannot be read.
	wrongTiles []string
	// upper has the tile of each level above the lowest that was compared last.
	upper map[int]upperTile
}

type doubt struct {
	index int64
	path  string
}

type upperTile struct {
	number int64
	hashes []byte
}

func (f *findings) certain(format string, values ...any) {
	f.count++
	if len(f.shown) < mostShown {
		f.shown = append(f.shown, fmt.Sprintf(format, values...))
	}
}

// compare compares the entries of a bundle with the tile of their hashes, and says which of the two
// was changed. It gives the places.
func (f *findings) compare(number int64, bundle [][]byte) map[int]bool {
	tile := f.files.hashTile(0, number)
	data, err := f.files.hashes(tile)
	if err != nil {
		f.wrongTiles = append(f.wrongTiles, err.Error())
		return nil
	}
	var changed []int
	var leaves []tlog.Hash
	for at, entry := range bundle {
		leaves = append(leaves, tlog.RecordHash(entry))
		if string(leaves[at][:]) != string(data[at*tlog.HashSize:(at+1)*tlog.HashSize]) {
			changed = append(changed, at)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	places := map[int]bool{}
	for _, at := range changed {
		places[at] = true
	}
	first := number*full + int64(changed[0])
	if _, ok := f.files.proven(0, number*full, int64(tile.W)); ok {
		for _, at := range changed {
			f.certain(
				"entry %d is not what was logged: its hash is not the one in %s, which leads to the "+
					"signed root",
				number*full+int64(at), path(tile))
		}
		return places
	}
	if len(leaves) == full {
		if above, ok := f.files.proven(8, number, 1); ok && above[0] == complete(leaves) {
			f.wrongTiles = append(f.wrongTiles, fmt.Sprintf(
				"%s: hash %d is not that of entry %d",
				path(tile), changed[0], first))
			return nil
		}
	}
	f.doubtful = append(f.doubtful, doubt{first, path(tile)})
	return places
}

// complete is the root over hashes of which there are a power of two.
func complete(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(complete(hashes[:half]), complete(hashes[half:]))
}

// compareUpper compares a node over complete tiles with the tile that has it. Below it there may be
// the real fault.
func (f *findings) compareUpper(level int, index int64, node tlog.Hash) {
	tile := f.files.hashTile(level, index/full)
	cached, ok := f.upper[level]
	if !ok || cached.number != tile.N {
		data, err := f.files.hashes(tile)
		if err != nil {
			f.wrongTiles = append(f.wrongTiles, err.Error())
		}
		if f.upper == nil {
			f.upper = map[int]upperTile{}
		}
		cached = upperTile{tile.N, data}
		f.upper[level] = cached
	}
	start := int(index%full) * tlog.HashSize
	if cached.hashes != nil && string(cached.hashes[start:start+tlog.HashSize]) != string(node[:]) {
		width := int64(1) << uint(8*level)
		f.wrongTiles = append(f.wrongTiles, fmt.Sprintf(
			"%s: hash %d is not that over entries %d to %d",
			path(tile), index%full, index*width, (index+1)*width-1))
	}
}

// entriesHold is told once the entries lead to the signed root: whatever disagrees with them was
// changed.
func (f *findings) entriesHold() {
	for _, doubt := range f.doubtful {
		f.wrongTiles = append(f.wrongTiles, fmt.Sprintf(
			"%s: its hash of entry %d is not that of the entry",
			doubt.path, doubt.index))
	}
	for _, text := range f.wrongTiles {
		f.certain("%s; the entries are as signed, this tile is not", text)
	}
	f.doubtful, f.wrongTiles = nil, nil
}

func (f *findings) refusal() error {
	for _, doubt := range f.doubtful {
		f.certain(
			"entry %d and %s do not agree, and neither leads to the signed root",
			doubt.index, doubt.path)
	}
	if f.count == 0 {
		for _, text := range f.wrongTiles {
			f.certain("%s", text)
		}
	}
	if f.count == 0 {
		return nil
	}
	if f.count > len(f.shown) {
		f.shown = append(f.shown, fmt.Sprintf("and %d more", f.count-len(f.shown)))
	}
	return errors.New(strings.Join(f.shown, "\n"))
}
