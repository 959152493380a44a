package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const full = 256

// tiles are the files of a tree (https://c2sp.org/tlog-tiles), for the package tlog to read.
type tiles struct {
	folder string
	tree   tlog.Tree
}

// hashTile is the tile of this number on a level, as wide as the tree has it.
func (t *tiles) hashTile(level int, number int64) tlog.Tile {
	width := t.tree.N>>(8*uint(level)) - number*full
	if width > full {
		width = full
	}
	return tlog.Tile{H: 8, L: level, N: number, W: int(width)}
}

// path is where a tile stands in a trail: as in Go's own log, without the height; entries are level
// -1.
func path(tile tlog.Tile) string {
	inside := strings.TrimPrefix(tile.Path(), "tile/8/")
	return "tile/" + strings.Replace(inside, "data/", "entries/", 1)
}

// read gives the bytes of a tile; where a partial one has been removed, those of the full one that
// took its place.
func (t *tiles) read(tile tlog.Tile, each int64) (tlog.Tile, []byte, error) {
	if !exists(t.on(tile)) {
		whole := tile
		whole.W = full
		if exists(t.on(whole)) {
			tile = whole
		}
	}
	data, err := readFile(t.on(tile), int64(tile.W)*each)
	return tile, data, err
}

func (t *tiles) on(tile tlog.Tile) string {
	return filepath.Join(t.folder, filepath.FromSlash(path(tile)))
}

func (t *tiles) hashes(tile tlog.Tile) ([]byte, error) {
	found, data, err := t.read(tile, tlog.HashSize)
	if err != nil {
		return nil, err
	}
	if len(data) != found.W*tlog.HashSize {
		return nil, fmt.Errorf(
			"%s: %d bytes where %d are due",
			path(found), len(data), found.W*tlog.HashSize)
	}
	return data[:tile.W*tlog.HashSize], nil
}

// Height, ReadTiles and SaveTiles are what tlog.TileHashReader asks for.
func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := t.hashes(tile)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// proven gives hashes of this level, if the tiles lead from them to the signed root: tlog checks
// it.
func (t *tiles) proven(level int, first, count int64) ([]tlog.Hash, bool) {
	var wanted []int64
	for n := first; n < first+count; n++ {
		wanted = append(wanted, tlog.StoredHashIndex(level, n))
	}
	hashes, err := tlog.TileHashReader(t.tree, t).ReadHashes(wanted)
	return hashes, err == nil
}

// entries are those of a bundle, as far as it can be read, and what is wrong behind them.
func (t *tiles) entries(number int64) ([][]byte, string, error) {
	wanted := t.hashTile(0, number)
	bundle := wanted
	bundle.L = -1
	found, data, err := t.read(bundle, 2+65535)
	if err != nil {
		return nil, "", err
	}
	var entries [][]byte
	wrong, rest := "", data
	for len(entries) < found.W && wrong == "" {
		length := -1
		if len(rest) >= 2 {
			length = int(rest[0])<<8 | int(rest[1])
		}
		switch {
		case len(rest) == 0:
			wrong = fmt.Sprintf("entry %d is missing (%s)", number*full+int64(len(entries)), path(found))
		case length < 0 || 2+length > len(rest):
			wrong = fmt.Sprintf(
				"entry %d runs beyond the end of the file (%s)",
				number*full+int64(len(entries)), path(found))
		default:
			entries, rest = append(entries, rest[2:2+length]), rest[2+length:]
		}
	}
	if wrong == "" && len(rest) > 0 {
		wrong = fmt.Sprintf("%s: %d bytes behind the last entry", path(found), len(rest))
	}
	if len(entries) > wanted.W {
		entries = entries[:wanted.W]
	}
	return entries, wrong, nil
}

// frontier is a tree as far as appending needs it: the roots of its complete subtrees, for the
// package tlog to read.
type frontier struct {
	size  int64
	peaks map[int64]tlog.Hash
}

// ReadHashes is what tlog asks for.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		hash, ok := f.peaks[index]
		if !ok {
			return nil, fmt.Errorf("the hash %d is not at the edge of the tree", index)
		}
		hashes[at] = hash
	}
	return hashes, nil
}

// append adds an entry, and gives every node that is complete with it: the leaf, then its parent,
// and so on.
func (f *frontier) append(data []byte) ([]tlog.Hash, error) {
	nodes, err := tlog.StoredHashes(f.size, data, f)
	if err != nil {
		return nil, err
	}
	for level := range nodes[1:] {
		delete(f.peaks, tlog.StoredHashIndex(level, f.size>>uint(level)-1))
	}
	top := len(nodes) - 1
	f.peaks[tlog.StoredHashIndex(top, f.size>>uint(top))] = nodes[top]
	f.size++
	return nodes, nil
}

func (f *frontier) root() (tlog.Hash, error) {
	if f.size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(f.size, f)
}
