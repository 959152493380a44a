package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

// readJSON reads a JSON object from a text that is its canonical form (RFC 8785): nobody can read
// anything else from it.
func readJSON(text, where string) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if err == nil {
		if _, behind := decoder.Token(); behind != io.EOF {
			err = errors.New("there is more behind it")
		} else if written, ok := canonical(value); !ok || written != text {
			err = errors.New("it is not in its canonical form (RFC 8785)")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: no canonical JSON: %s", where, plain(err.Error()))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: no JSON object", where)
	}
	return object, nil
}

// canonical writes a value in its canonical form, if it has one.
func canonical(value any) (string, bool) {
	var out strings.Builder
	ok := write(&out, value)
	return out.String(), ok
}

func write(out *strings.Builder, value any) bool {
	switch value := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(value))
	case string:
		writeString(out, value)
	case json.Number:
		return writeNumber(out, value)
	case []any:
		out.WriteByte('[')
		for at, item := range value {
			if at > 0 {
				out.WriteByte(',')
			}
			if !write(out, item) {
				return false
			}
		}
		out.WriteByte(']')
	case map[string]any:
		out.WriteByte('{')
		for at, key := range sorted(value) {
			if at > 0 {
				out.WriteByte(',')
			}
			writeString(out, key)
			out.WriteByte(':')
			if !write(out, value[key]) {
				return false
			}
		}
		out.WriteByte('}')
	default:
		return false
	}
	return true
}

// sorted gives an object's keys in the order of their UTF-16 units.
func sorted(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		left, right := utf16.Encode([]rune(keys[i])), utf16.Encode([]rune(keys[j]))
		for at := 0; at < len(left) && at < len(right); at++ {
			if left[at] != right[at] {
				return left[at] < right[at]
			}
		}
		return len(left) < len(right)
	})
	return keys
}

func writeString(out *strings.Builder, text string) {
	short := map[rune]string{
		'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
	}
	out.WriteByte('"')
	for _, r := range text {
		if escaped, ok := short[r]; ok {
			out.WriteString(escaped)
		} else if r < ' ' {
			fmt.Fprintf(out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}

// writeNumber writes a number as JavaScript does: the shortest digits that are read back as the
// same number.
func writeNumber(out *strings.Builder, number json.Number) bool {
	value, err := number.Float64()
	if err != nil {
		return false
	}
	size := math.Abs(value)
	switch {
	case size == 0:
		out.WriteByte('0')
	case size < 1e-6 || size >= 1e21:
		text := strconv.FormatFloat(value, 'e', -1, 64)
		out.WriteString(strings.NewReplacer("e-0", "e-", "e+0", "e+").Replace(text))
	default:
		out.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
	}
	return true
}

// atPointer is what stands at a JSON pointer (RFC 6901).
func atPointer(value any, pointer string) (any, bool) {
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		switch place := value.(type) {
		case map[string]any:
			inner, ok := place[step]
			if !ok {
				return nil, false
			}
			value = inner
		case []any:
			at, ok := decimal(step)
			if !ok || at >= int64(len(place)) {
				return nil, false
			}
			value = place[at]
		default:
			return nil, false
		}
	}
	return value, true
}

var simpleName = regexp.MustCompile(`\A[A-Za-z0-9_]+\z`)

// show is a line for each value, with its place. A name that could pass for more than one stands in
// quotes.
func show(out *strings.Builder, value any, path string) {
	switch place := value.(type) {
	case map[string]any:
		for _, key := range sorted(place) {
			inner := key
			if !simpleName.MatchString(key) {
				inner, _ = canonical(key)
			}
			if path != "" {
				inner = path + "." + inner
			}
			show(out, place[key], inner)
		}
		if len(place) > 0 {
			return
		}
	case []any:
		for at, item := range place {
			show(out, item, fmt.Sprintf("%s[%d]", path, at))
		}
		if len(place) > 0 {
			return
		}
	}
	text, _ := canonical(value)
	fmt.Fprintf(out, "  %s: %s\n", plain(path), plain(text))
}
