// go-cty as the witness of this crate's codec: it reads what the crate writes, and writes it anew.
//
// One JSON object per line on standard input: a type, and a value of it as msgpack. One per line on
// standard output: the value as go-cty writes it, as msgpack and (if it is wholly known) as JSON, and the
// msgpack of what go-cty reads from the crate's own JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
)

type request struct {
	Type    json.RawMessage `json:"type"`
	Msgpack []byte          `json:"msgpack"`
	JSON    []byte          `json:"json,omitempty"`
}

type response struct {
	Type     json.RawMessage `json:"type,omitempty"`
	Msgpack  []byte          `json:"msgpack,omitempty"`
	JSON     []byte          `json:"json,omitempty"`
	FromJSON []byte          `json:"from_json,omitempty"`
	Same     bool            `json:"same"`
	Error    string          `json:"error,omitempty"`
}

func answer(line []byte) response {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return response{Error: err.Error()}
	}
	ty, err := ctyjson.UnmarshalType(asked.Type)
	if err != nil {
		return response{Error: fmt.Sprintf("type: %s", err)}
	}
	value, err := msgpack.Unmarshal(asked.Msgpack, ty)
	if err != nil {
		return response{Error: fmt.Sprintf("msgpack: %s", err)}
	}
	var given response
	if given.Type, err = ctyjson.MarshalType(ty); err != nil {
		return response{Error: fmt.Sprintf("write type: %s", err)}
	}
	if given.Msgpack, err = msgpack.Marshal(value, ty); err != nil {
		return response{Error: fmt.Sprintf("write msgpack: %s", err)}
	}
	if len(asked.JSON) == 0 {
		return given
	}
	if given.JSON, err = ctyjson.Marshal(value, ty); err != nil {
		return response{Error: fmt.Sprintf("write json: %s", err)}
	}
	stored, err := ctyjson.Unmarshal(asked.JSON, ty)
	if err != nil {
		return response{Error: fmt.Sprintf("json: %s", err)}
	}
	if given.FromJSON, err = msgpack.Marshal(stored, ty); err != nil {
		return response{Error: fmt.Sprintf("write msgpack of json: %s", err)}
	}
	given.Same = same(stored, value)
	return given
}

// As Terraform compares a result with its plan.
func same(left, right cty.Value) bool {
	return left.RawEquals(right)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		if err := out.Encode(answer(lines.Bytes())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
