#!/usr/bin/env bash
# Verifies a trail or a receipt of Gate with a shell, OpenSSL 3, and the tools that every system has
# (od, tr, head, tail, grep).
#
#     ./verify.sh TRAIL VKEY
#     ./verify.sh --receipt FILE VKEY [--keys FOLDER]
#
# TRAIL is the trail's folder, VKEY the log's key (name+id+base64) from someone you trust. FOLDER is
# a trail's folder `keys`, for a receipt that a later key of the log has signed. It reads about 100
# entries in a second. Of JSON it reads no more than the numbers of records and of calls, where a
# gate writes them: the form of the rest, and where in a record a secret stands, is for verify.py or
# the Go program.
#
# Exit code: 0 it holds, 1 it does not, 2 the program could not begin.
set -u
export LC_ALL=C

refuse() { printf 'REFUSED: %s\n' "$*" | cat -v >&2; exit 1; }

# --- Bytes. In variables they are hexadecimal, because a shell's variables cannot hold a zero byte.

tohex() { od -An -v -tx1 | tr -d ' \n'; }

# Writes the bytes of hexadecimal digits.
unhex() {
    local out='' at
    for ((at = 0; at < ${#1}; at += 2)); do out+="\\x${1:at:2}"; done
    # shellcheck disable=SC2059 # The digits are the format.
    printf "$out"
}

# Sets $digest to the SHA-256 of a file.
if command -v sha256sum >/dev/null; then
    sha256() { digest=$(sha256sum <"$1"); digest=${digest%% *}; }
else
    sha256() { digest=$(openssl dgst -sha256 -r <"$1"); digest=${digest%% *}; }
fi

# Sets $hex to the bytes of base64 in the one form that they have.
unbase64() {
    case $1 in '' | *[!A-Za-z0-9+/=]*) return 1 ;; esac
    hex=$(printf '%s' "$1" | openssl base64 -d -A 2>/dev/null | tohex)
    [ -n "$hex" ] && [ "$(unhex "$hex" | openssl base64 -A)" = "$1" ]
}

# A number in the one form that it has, below 2^63.
decimal() {
    case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac
    [ ${#1} -lt 19 ] || { [ ${#1} -eq 19 ] && [[ ! $1 > 9223372036854775807 ]]; }
}

# Text in UTF-8, without control characters but newlines: $1 the file, $2 what it is.
check_text() {
    [ "$(tr -d '\n\040-\377' <"$1" | wc -c)" -eq 0 ] || refuse "$2: has control characters"
    local two='[89ab].'
    local form="^([0-7].|(c[2-9a-f]|d.)$two|e0[ab].$two|e[1-9a-cef]$two$two|ed[89].$two|f0[9ab].$two$two|f[1-3]$two$two$two|f48.$two$two)*\$"
    tohex <"$1" | grep -qE "$form" || [ ! -s "$1" ] || refuse "$2: is not UTF-8"
}

# A key's name: no spaces of any script, no control characters, no plus.
is_name() {
    case $1 in
    '' | *+* | *[$'\001'-$'\040']* | *$'\xc2\x85'* | *$'\xc2\xa0'* | *$'\xe1\x9a\x80'* | *$'\xe2\x81\x9f'* | *$'\xe3\x80\x80'*) return 1 ;;
    *$'\xe2\x80'[$'\x80'-$'\x8a']* | *$'\xe2\x80\xa8'* | *$'\xe2\x80\xa9'* | *$'\xe2\x80\xaf'*) return 1 ;;
    esac
    [ ${#1} -le 1000 ]
}

# The Ed25519 points of small order, whatever their sign bit. As a key, or as the first half of a
# signature, they fit too much.
is_small() {
    case ${1:0:62} in
    00000000000000000000000000000000000000000000000000000000000000 | 01000000000000000000000000000000000000000000000000000000000000)
        case ${1:62:2} in 00 | 80) return 0 ;; esac ;;
    26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc) case ${1:62:2} in 05 | 85) return 0 ;; esac ;;
    c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03) case ${1:62:2} in 7a | fa) return 0 ;; esac ;;
    e[cde]ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff) case ${1:62:2} in 7f | ff) return 0 ;; esac ;;
    esac
    return 1
}

readable() { [ -f "$1" ] && [ -r "$1" ] || refuse "$1: no file that can be read"; }

length_of() { wc -c <"$1" | tr -d ' '; }

# --- Keys and signed notes (https://c2sp.org/signed-note)

# Sets $name, $id and $key (the 32 bytes) of a key in the form name+id+base64.
read_key() {
    local rest=${1#*+}
    name=${1%%+*} id=${rest%%+*}
    case $1 in *+*+*) ;; *) refuse "$2: write it as name+id+base64, in one line" ;; esac
    is_name "$name" || refuse "$2: write it as name+id+base64, in one line"
    unbase64 "${rest#*+}" || refuse "$2: the key is not in base64"
    case ${#hex},$hex in 66,01*) ;; *) refuse "$2: the key is not 33 bytes, the first of them 1 (Ed25519)" ;; esac
    key=${hex#01}
    is_small "$key" && refuse "$2: the key is of small order, which anybody could sign for; get it again"
    { printf '%s\n' "$name"; unhex "$hex"; } >"$dir/hashed"
    sha256 "$dir/hashed"
    [ "${digest:0:8}" = "$id" ] || refuse "$2: the id is not that of this name and key; get it again"
}

# Divides a note into $dir/text, exactly what was signed, and the signatures: by whom they say they
# are, and their bytes.
read_note() {
    readable "$1"
    [ "$(length_of "$1")" -le 1000000 ] || refuse "$2: longer than 1000000 bytes"
    check_text "$1" "$2"
    [ "$(tail -c 1 "$1" | tohex)" = 0a ] || refuse "$2: does not end with a newline"
    local empty line
    empty=$(grep -n '^$' "$1" | tail -n 1)
    empty=${empty%%:*}
    [ "${empty:-0}" -ge 2 ] || refuse "$2: no empty line between the text and its signatures"
    head -n $((empty - 1)) "$1" >"$dir/text"
    tail -n +$((empty + 1)) "$1" >"$dir/signatures"
    [ -s "$dir/signatures" ] || refuse "$2: no signature"
    [ "$(wc -l <"$dir/signatures")" -le 100 ] || refuse "$2: more than 100 signatures"
    signers=() signatures=()
    while IFS= read -r line; do
        case $line in '— '*' '*) ;; *) refuse "$2: a signature is not an em dash, a name and base64, one space between them" ;; esac
        line=${line#'— '}
        is_name "${line%% *}" && unbase64 "${line#* }" && [ ${#hex} -ge 10 ] ||
            refuse "$2: a signature is not an em dash, a name and base64, one space between them"
        signers+=("${line%% *}") signatures+=("$hex")
    done <"$dir/signatures"
}

# Whether the key number $1 has signed the note that was read. A signature that says so, and is not
# by that key, spoils the note.
signed_by() {
    local at found=1
    for ((at = 0; at < ${#signers[@]}; at++)); do
        hex=${signatures[at]}
        [ "${signers[at]}" = "${names[$1]}" ] && [ "${hex:0:8}" = "${ids[$1]}" ] || continue
        unhex "${hex:8}" >"$dir/signature"
        # What OpenSSL wants before the 32 bytes says that they are an Ed25519 key (RFC 8410).
        unhex "302a300506032b6570032100${keys[$1]}" >"$dir/key"
        [ ${#hex} -eq 136 ] && ! is_small "${hex:8:64}" &&
            openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key" -rawin -in "$dir/text" -sigfile "$dir/signature" >/dev/null 2>&1 ||
            refuse "$2: the signature of ${names[$1]}+${ids[$1]} is not by that key: the text or the signature was changed"
        found=0
    done
    return $found
}

# The keys of the log, one after the other, each with the sizes of tree from and up to which it is
# in force.
add_key() { names+=("$1") ids+=("$2") keys+=("$3") froms+=("$4") untils+=(-1); }

# Reads the succession in a file: sets $from, and $name, $id and $key of the key that it introduces.
read_succession() {
    read_note "$1" "$1"
    case $(sed -n 1p "$dir/text") in
    gate/key-succession@v1 | github.com/gate-rs/gate/key-succession@v1) ;;
    *) refuse "$1: no key succession of four lines" ;;
    esac
    [ "$(wc -l <"$dir/text")" -eq 4 ] || refuse "$1: no key succession of four lines"
    [ "$(sed -n 2p "$dir/text")" = "origin $origin" ] || refuse "$1, line 2: of another log than $origin"
    from=$(sed -n '3s/^from //p' "$dir/text")
    decimal "$from" || refuse "$1, line 3: no \`from\` and a size"
    read_key "$(sed -n '4s/^key //p' "$dir/text")" "$1, line 4"
}

# Takes the key that was given ($1), and those that the successions in a folder ($2) introduce after
# it.
read_keys() {
    names=() ids=() keys=() froms=() untils=()
    read_key "$1" "the key you gave"
    origin=$name
    add_key "$name" "$id" "$key" 0
    [ -n "$2" ] && [ -e "$2" ] || return 0
    [ -d "$2" ] || refuse "$2: no folder"
    local count=0 begin=1 number known current from file
    while [ -e "$2/$((count + 1))" ]; do
        count=$((count + 1))
        read_succession "$2/$count"
        # Whoever was given a later key begins behind the succession that introduces it: it says
        # nothing of the keys before.
        if [ "$key" = "${keys[0]}" ] && [ "$begin" -eq 1 ]; then begin=$((count + 1)); fi
    done
    if [ "$count" -gt 0 ]; then
        read_note "$2/1" "$2/1"
        if signed_by 0 "$2/1"; then begin=1; fi
    fi
    for file in "$2"/* "$2"/.[!.]* "$2"/..?*; do
        [ -e "$file" ] || [ -L "$file" ] || continue
        number=${file##*/}
        if decimal "$number" && [ "$number" -gt 0 ]; then
            [ "$number" -le "$count" ] || refuse "$2: the successions are not 1, 2, 3 and so on without a gap"
        else
            # A writer that died may have left one of these.
            number=${number%.tmp}
            [ "$number" != "${file##*/}" ] && decimal "$number" && [ "$number" -gt 0 ] || refuse "$file does not belong there: take it away"
        fi
    done
    for ((number = begin; number <= count; number++)); do
        current=$((${#keys[@]} - 1))
        read_succession "$2/$number"
        signed_by "$current" "$2/$number" || refuse "$2/$number: not signed by ${names[current]}+${ids[current]}, the key before it"
        for known in "${keys[@]}"; do
            [ "$known" != "$key" ] || refuse "$2/$number: introduces a key that the log had before"
        done
        [ "$from" -ge "${froms[current]}" ] || refuse "$2/$number: begins before the current key does"
        untils[current]=$from
        add_key "$name" "$id" "$key" "$from"
    done
}

# Sets $size and $root from a checkpoint that a key in force at that size has signed, and $signer.
read_checkpoint() {
    local at
    read_note "$1" "$2"
    if grep -q '^$' "$dir/text"; then refuse "$2: an empty line in the text"; fi
    size=$(sed -n 2p "$dir/text")
    decimal "$size" || refuse "$2, line 2: no size as a decimal number below 2^63 without leading zeros"
    unbase64 "$(sed -n 3p "$dir/text")" && [ ${#hex} -eq 64 ] || refuse "$2, line 3: no root of 32 bytes as 44 characters of base64"
    root=$hex signer=''
    [ "$(sed -n 1p "$dir/text")" = "$origin" ] || refuse "$2, line 1: of another log than $origin"
    for ((at = 0; at < ${#keys[@]}; at++)); do
        [ "$size" -ge "${froms[at]}" ] || continue
        [ "${untils[at]}" -eq -1 ] || [ "$size" -le "${untils[at]}" ] || continue
        if signed_by "$at" "$2"; then signer=${signer:-${names[at]}+${ids[at]}}; fi
    done
    [ -n "$signer" ] || refuse "$2: not signed by a key of $origin that is in force at size $size"
    printf '%s: %s, %s entries, root %s, signed by %s\n' "$2" "$origin" "$size" "$(sed -n 3p "$dir/text")" "$signer" | cat -v
}

# --- The tree (RFC 6962)

# Sets $node to the hash over two others.
parent() {
    unhex "01$1$2" >"$dir/hashed"
    sha256 "$dir/hashed"
    node=$digest
}

# The path of tile number $2, $3 wide: tile/<kind>/<number in groups of three digits>[.p/<width>].
# Sets $path.
tile_path() {
    local rest=$2
    printf -v path %03d $((rest % 1000))
    while [ "$rest" -ge 1000 ]; do
        rest=$((rest / 1000))
        printf -v path 'x%03d/%s' $((rest % 1000)) "$path"
    done
    path=tile/$1/$path
    [ "$3" -eq 256 ] || path=$path.p/$3
}

# The same, or the full tile if that has taken the place of a partial one. Sets $path and $width.
find_tile() {
    tile_path "$2" "$3" "$4"
    width=$4
    [ "$4" -eq 256 ] || [ -e "$1/$path" ] || {
        tile_path "$2" "$3" 256
        if [ -e "$1/$path" ]; then width=256; else tile_path "$2" "$3" "$4"; fi
    }
}

# Compares a hash with the one that a tile has: $1 the folder, $2 the level, $3 the number of the
# hash, $4 the hash.
compare() {
    local number=$(($3 / 256)) count=$((size >> (8 * $2)))
    local wide=$((count - number * 256))
    [ "$wide" -le 256 ] || wide=256
    if [ "${loaded[$2]:-}" != "$number" ]; then
        find_tile "$1" "$2" "$number" "$wide"
        loaded[$2]=$number tile[$2]='' tile_at[$2]=$path
        if [ ! -f "$1/$path" ]; then
            wrong_tile "$path: cannot be read"
        elif [ "$(length_of "$1/$path")" -ne $((32 * width)) ]; then
            wrong_tile "$path: is not of $((32 * width)) bytes"
        else
            tile[$2]=$(tohex <"$1/$path")
        fi
    fi
    [ -z "${tile[$2]}" ] || [ "${tile[$2]:$(($3 % 256 * 64)):64}" = "$4" ] || {
        wrong_tile "${tile_at[$2]}: its hash $(($3 % 256)) is not that of the entries below it"
        [ "$2" -ne 0 ] || changed=${changed:-"entry $3 is not what was logged: its hash is not the one in ${tile_at[0]}"}
    }
}

wrong_tile() { wrong=${wrong:-$1}; }

# --- The numbers in the entries. A gate writes canonical JSON, whose members have one order, and in
# whose texts no quote stands bare.

# Sets $at, $nth (its number within its call), $seq, $call and $begins (whether it is the first of a
# call) from a record.
read_record() {
    local first='^\{"at":"([^"\\]*)",("call_seq":([0-9]+|null),)?"event":\{' before=${1%,\"seq\":*}
    local last='^,"seq":([0-9]+)(,"status":"[a-z_]+")?(,"subject":\{"agent":"([^"\\]|\\.)*","approval":"([0-9a-f-]+)",.*\})?\}$'
    [[ ${1:0:200} =~ $first ]] || return 1
    at=${BASH_REMATCH[1]} nth=${BASH_REMATCH[3]#null}
    [[ ${1:${#before}} =~ $last ]] || return 1
    seq=${BASH_REMATCH[1]} call=${BASH_REMATCH[5]} begins=''
    case $before in *'"type":"assessed"}' | *'"event":{"type":"imported"}') begins=yes ;; *'}') ;; *) return 1 ;; esac
    is_exact "$seq" 1
}

# A whole number that everybody reads alike, and no smaller than $2.
is_exact() { decimal "$1" && [ "$1" -ge "$2" ] && [ "$1" -le 9007199254740992 ]; }

# Of a trail, the first fault of an entry is kept: where the entries are not those that were signed,
# it says nothing.
fault() {
    [ -z "$keeps" ] || refuse "$*"
    torn=${torn:-$*}
    return 1
}

# Sets $kind from the text of an entry ($2 says where), and what it has of $at, $seq, $nth, $call,
# $bytes, $sha, $next and $last.
read_entry() {
    local stub='^\{"at":"([^"\\]*)","bytes":([0-9]+),"digest":"sha256:([0-9a-f]{64})","kind":"[a-z_]+","seq":([0-9]+)\}$'
    local settlement='^\{"at":"[^"]*","by":.*,"next":([0-9]+),"reason":.*,"settled":([0-9]+)\}$'
    if [[ ${#1} -lt 400 && $1 =~ $stub ]]; then
        kind=stub at=${BASH_REMATCH[1]} bytes=${BASH_REMATCH[2]} sha=${BASH_REMATCH[3]} seq=${BASH_REMATCH[4]} nth='' call=''
        is_exact "$seq" 1 && is_exact "$bytes" 0 && return 0
    elif [[ ${1:0:100} == '{"at":"'*'","by":'* && $1 =~ $settlement ]]; then
        kind=settlement next=${BASH_REMATCH[1]} last=${BASH_REMATCH[2]}
        is_exact "$next" 1 && is_exact "$last" 0 && return 0
    else
        kind=record
        read_record "$1" && return 0
    fi
    fault "$2: is no record, no stub of a long record and no settlement, in the form in which a gate writes them"
}

# Forgets all numbers; $due is that of the next record, where it is known. Of a receipt ($2), the
# numbers are kept.
no_numbers() {
    due=$1 keeps=$2 partial=''
    rm -f "$dir"/call-*
}

# Whether the entry that was read has the number that is due. $1 says where.
follow() {
    local file line was=$due
    if [ "$kind" = settlement ]; then
        due=$next
        if [ -z "$keeps" ]; then
            no_numbers "$next" ''
            partial=yes
        else
            # The records go on at a number that they had before: those from there on count no more.
            for file in "$dir"/call-*; do
                [ -e "$file" ] || continue
                while IFS= read -r line; do [ "${line% *}" -ge "$next" ] || printf '%s\n' "$line"; done <"$file" >"$dir/stands"
                if [ -s "$dir/stands" ]; then cp "$dir/stands" "$file"; else rm "$file"; fi
            done
        fi
        [ "$next" -le $((last + 1)) ] || fault "$1: settles that records go on at $next, and leaves out those from $((last + 1)) on" || return
        [ -z "$was" ] || [ "$last" -eq $((was - 1)) ] || fault "$1: settles a trail that had gone on to $last, and it had gone on to $((was - 1))"
        return
    fi
    due=$((seq + 1))
    [ -z "$was" ] || [ "$seq" -eq "$was" ] || fault "$1: record $seq stands where record $was is due"
}

# Whether the record that was read comes next in its call: the first one begins it, and their
# numbers are 1, 2, 3 and so on. Records from before there were any have none.
count_record() {
    if [ -z "$call" ]; then
        [ -z "$nth" ] || fault "$1: has a number within a call, and names no call"
        return
    fi
    local before='' line file=$dir/call-$call
    if [ -e "$file" ]; then
        while IFS= read -r line; do before=${line##* }; done <"$file"
    elif [ -z "$partial$begins" ]; then
        fault "$1: the call $call does not begin so: its first record is missing" || return
    fi
    if [ -n "$keeps" ]; then printf '%s %s\n' "$seq" "${nth:-0}" >>"$file"; else printf '%s %s\n' "$seq" "${nth:-0}" >"$file"; fi
    if [ -z "$nth" ]; then
        [ "${before:-0}" -eq 0 ]
    else
        is_exact "$nth" 1 && { [ "$nth" -eq $((${before:-0} + 1)) ] || { [ -z "$before" ] && [ -n "$partial" ]; }; }
    fi || fault "$1: record ${nth:-without a number} of the call $call stands where its record $((${before:-0} + 1)) is due"
}

# An entry of a trail: it has the numbers that are due; the long record behind a stub is there; a
# settlement is shown.
look_at() {
    read_entry "$3" "entry $2" || {
        no_numbers '' ''
        partial=yes
        return
    }
    follow "entry $2" || return
    if [ "$kind" = stub ]; then
        local file=large/$sha.json stub_at=$at stub_seq=$seq record
        [ -f "$1/$file" ] || fault "entry $2: its record $file: no file that can be read" || return
        [ "$(length_of "$1/$file")" -eq "$bytes" ] || fault "entry $2: its record $file is not of the logged $bytes bytes" || return
        sha256 "$1/$file"
        [ "$digest" = "$sha" ] || fault "entry $2: its record $file is not what was logged: its SHA-256 is another one" || return
        IFS= read -r -d '' record <"$1/$file"
        read_record "$record" && [ "$at $seq" = "$stub_at $stub_seq" ] ||
            fault "entry $2: its record $file: number or time is not that of the entry" || return
    elif [ "$kind" = settlement ]; then
        settled+="entry $2: settlement $3"$'\n'
        return
    fi
    count_record "entry $2"
}

verify_trail() {
    [ -d "$1" ] || refuse "$1: no folder"
    read_keys "$2" "$1/keys"
    read_checkpoint "$1/checkpoint" checkpoint
    local peaks=() index=0 bundle place end path width content length text rest node level
    no_numbers 1 ''
    loaded=() tile=() tile_at=() changed='' wrong='' settled='' torn=''
    for ((bundle = 0; bundle * 256 < size; bundle++)); do
        local wide=$((size - bundle * 256)) count
        [ "$wide" -le 256 ] || wide=256
        find_tile "$1" entries "$bundle" "$wide"
        local file=$1/$path name=$path
        [ -f "$file" ] && [ -r "$file" ] || refuse "entries $index to $((index + wide - 1)) cannot be read: $name"
        content=$(tohex <"$file") place=0
        for ((count = 0; count < wide; count++, index++)); do
            length=${content:place:4}
            [ -n "$length" ] || refuse "${changed:-"entry $index is missing ($name)"}"
            end=$((place + 4 + 2 * 16#$length))
            [ "$end" -le ${#content} ] && [ ${#length} -eq 4 ] || refuse "${changed:-"entry $index runs beyond the end of the file ($name)"}"
            { printf '\0'; tail -c +$((place / 2 + 3)) "$file" | head -c $(((end - place) / 2 - 2)); } >"$dir/leaf"
            place=$end
            sha256 "$dir/leaf"
            node=$digest
            compare "$1" 0 "$index" "$node"
            { IFS= read -r -d '' rest; IFS= read -r text; } <"$dir/leaf"
            [ -n "$changed" ] || look_at "$1" "$index" "$text"
            level=0
            for ((rest = index; rest & 1; rest >>= 1)); do
                parent "${peaks[${#peaks[@]} - 1]}" "$node"
                unset "peaks[${#peaks[@]}-1]"
                level=$((level + 1))
                [ $((level % 8)) -ne 0 ] || compare "$1" $((level / 8)) $((index >> level)) "$node"
            done
            peaks+=("$node")
        done
        # Of a bundle that has grown since, the rest has its form, too.
        for ((; count < width; count++)); do
            length=${content:place:4}
            [ ${#length} -eq 4 ] && [ $((place + 4 + 2 * 16#$length)) -le ${#content} ] || refuse "${changed:-"$name: runs beyond the end of the file"}"
            place=$((place + 4 + 2 * 16#$length))
        done
        [ "$place" -eq ${#content} ] || refuse "${changed:-"$name: $(((${#content} - place) / 2)) bytes behind the last entry"}"
    done
    if [ "$size" -eq 0 ]; then
        sha256 /dev/null
        node=$digest
    else
        node=${peaks[${#peaks[@]} - 1]}
        for ((place = ${#peaks[@]} - 2; place >= 0; place--)); do parent "${peaks[place]}" "$node"; done
    fi
    [ "$node" = "$root" ] || refuse "${changed:-${wrong:-"the checkpoint or all of the trail is another one"}}; the entries do not lead to the root that was signed"
    [ -z "$wrong" ] || refuse "$wrong; the entries are as signed, this tile is not"
    [ -z "$torn" ] || refuse "$torn"
    printf %s "$settled" | cat -v
    echo "not looked at: the form of the records"
    echo "OK: the entries are those that the checkpoint signs, in that order, and none is missing"
}

# --- Receipts

# The root that a proof leads to (RFC 9162, section 2.1.3.2): $1 the index, then the leaf's hash and
# the proof's. Sets $node.
climb() {
    local at=$1 last=$((size - 1)) sibling
    node=$2
    shift 2
    for sibling; do
        [ "$last" -ne 0 ] || { node='too many hashes'; return; }
        if [ $((at & 1)) -eq 1 ] || [ "$at" -eq "$last" ]; then
            parent "$sibling" "$node"
            while [ $((at & 1)) -eq 0 ] && [ "$at" -ne 0 ]; do at=$((at >> 1)) last=$((last >> 1)); done
        else
            parent "$node" "$sibling"
        fi
        at=$((at >> 1)) last=$((last >> 1))
    done
    [ "$last" -eq 0 ] || node='too few hashes'
}

# Checks the entry that was read, with its additions and its proof.
check_entry() {
    [ -n "$entry" ] || return 0
    local where="receipt, line $entry_line, entry $entry" place record=$text field name value stub_at stub_seq
    read_entry "$text" "$where"
    [ "$entry" -lt "$size" ] || refuse "$where: the tree has $size entries only"
    printf '\0%s' "$text" >"$dir/hashed"
    sha256 "$dir/hashed"
    climb "$entry" "$digest" ${proof[@]+"${proof[@]}"}
    [ "$node" = "$root" ] || refuse "$where: this text does not stand at $entry in the signed tree: text, index or hashes were changed"
    local secret='^\{"field":"(/([^"\\]|\\.)*)","salt":"([0-9a-f]{32})","value":(.*)\}$'
    local is_stub=$kind
    # Between two settlements the records' numbers go on by one, also where entries are not in the
    # receipt.
    [ -z "$due" ] || due=$((due + entry - before - 1))
    before=$entry
    follow "$where"
    stub_at=${at:-} stub_seq=${seq:-}
    local shown=''
    for ((place = 0; place < ${#additions[@]}; place++)); do
        where="receipt, line $((entry_line + 1 + place))"
        if [[ ${additions[place]} =~ $secret ]]; then
            field=${BASH_REMATCH[1]} value=${BASH_REMATCH[4]}
            { unhex "${BASH_REMATCH[3]}"; printf %s "$value"; } >"$dir/hashed"
            sha256 "$dir/hashed"
            name=${field##*/}
            name=${name//'~1'//} name=${name//'~0'/'~'}
            case $record in *"{\"digest\":\"sha256:$digest\"}"*) ;; *) refuse "$where: the entry has no commitment to this value with this salt" ;; esac
            # The mark says of which field the commitment is; in a list it has no name before it.
            case $name in *[!0-9]*) name="\"$name\":" ;; *) name='' ;; esac
            case $record in *"$name\"[secret ${digest:0:32}]\""*) ;; *) refuse "$where: the entry has a commitment to this value, and not at $field" ;; esac
            shown+="  disclosed \"$field\": $value (sha256:$digest; where it stands in the record was not looked at)"$'\n'
        elif [ "$is_stub" = stub ]; then
            printf %s "${additions[place]}" >"$dir/hashed"
            sha256 "$dir/hashed"
            [ "$digest" = "$sha" ] || refuse "$where is not what was logged: its SHA-256 is another one"
            record=${additions[place]} is_stub=''
            read_record "$record" && [ "$at $seq ${#record}" = "$stub_at $stub_seq $bytes" ] ||
                refuse "$where: number, time or length is not that of the entry"
        else
            refuse "$where: neither a secret value (field, salt, value) nor the long record of an entry that is a stub"
        fi
    done
    where="receipt, line $entry_line, entry $entry"
    [ "$is_stub" != stub ] || refuse "$where: the long record is not beside it, in a line that begins with \`with\`"
    [ "$kind" = settlement ] || count_record "$where"
    all+="entry $entry:"$'\n'"  $record"$'\n'"$shown"
    entries=$((entries + 1))
}

verify_receipt() {
    local number=0 line rest text='' entry='' entry_line=0 entries=0 all='' before='' additions=() proof=() empty
    readable "$1"
    [ "$(length_of "$1")" -le 10000000 ] || refuse "receipt: longer than 10000000 bytes"
    no_numbers '' yes
    [ -z "$3" ] || [ -d "$3" ] || refuse "$3: no folder"
    read_keys "$2" "$3"
    check_text "$1" receipt
    empty=$(grep -n -m 1 '^$' "$1")
    empty=${empty%%:*}
    [ "${empty:-0}" -ge 2 ] || refuse "receipt: no empty line between the entries and the checkpoint"
    tail -n +$((empty + 1)) "$1" >"$dir/note"
    read_checkpoint "$dir/note" "receipt, checkpoint"
    head -n $((empty - 1)) "$1" >"$dir/head"
    while IFS= read -r line; do
        number=$((number + 1))
        case $number,$line in
        1,gate/receipt@v1 | 1,github.com/gate-rs/gate/receipt@v1) ;;
        1,*) refuse "receipt, line 1: not \`gate/receipt@v1\`" ;;
        *,'entry '*)
            check_entry
            rest=${line#entry } entry_line=$number additions=() proof=()
            entry=${rest%% *} text=''
            [ "$entry" = "$rest" ] || text=${rest#* }
            decimal "$entry" || refuse "receipt, line $number: no index as a decimal number without leading zeros"
            [ -z "$before" ] || [ "$entry" -gt "$before" ] || refuse "receipt, line $number: entry $entry stands there twice, or behind a later one"
            ;;
        *)
            [ -n "$entry" ] || refuse "receipt, line $number: no \`entry\`, an index and the logged text"
            if [ "${line#with }" != "$line" ] && [ ${#proof[@]} -eq 0 ]; then
                additions+=("${line#with }")
            elif [ ${#line} -eq 44 ] && unbase64 "$line" && [ ${#hex} -eq 64 ]; then
                proof+=("$hex")
            else
                refuse "receipt, line $number: no \`entry\`, no hash of 44 characters of base64, and no \`with\` right behind an entry"
            fi
            ;;
        esac
    done <"$dir/head"
    check_entry
    [ "$entries" -gt 0 ] || refuse "receipt: no entry"
    printf '%s' "$all" | cat -v
    echo "OK: $origin has logged this in a tree of $size entries, signed by $signer" | cat -v
}

usage() {
    echo "verify.sh TRAIL VKEY" >&2
    echo "verify.sh --receipt FILE VKEY [--keys FOLDER]" >&2
    exit 2
}

receipt='' folder='' plain=()
while [ $# -gt 0 ]; do
    case $1 in
    --receipt | --keys)
        [ $# -ge 2 ] && [ -n "$2" ] || usage
        if [ "$1" = --receipt ]; then receipt=$2; else folder=$2; fi
        shift 2
        ;;
    -*) usage ;;
    *)
        plain+=("$1")
        shift
        ;;
    esac
done
case $(openssl version 2>/dev/null) in
'OpenSSL '[3-9]* | 'OpenSSL '[1-9][0-9]*) ;;
*)
    echo "This program needs OpenSSL 3 or later (openssl version)" >&2
    exit 2
    ;;
esac
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
if [ -n "$receipt" ] && [ ${#plain[@]} -eq 1 ]; then
    verify_receipt "$receipt" "${plain[0]}" "$folder"
elif [ -z "$receipt$folder" ] && [ ${#plain[@]} -eq 2 ]; then
    verify_trail "${plain[0]}" "${plain[1]}"
else
    usage
fi
