// A plugin host as Terraform builds its own: HashiCorp's go-plugin with automatic mutual TLS.
//
// It starts the provider that its argument names, asks for its health and its schema, ends it,
// and prints as JSON what it saw.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// report is what is printed.
type report struct {
	Protocol          int      `json:"protocol"`
	Resources         []string `json:"resources"`
	KilledByForce     bool     `json:"killed_by_force"`
	ProviderLogLevels []string `json:"provider_log_levels"`
	GRPC              string   `json:"grpc"`
}

// provider hands out the connection itself.
type provider struct{ plugin.NetRPCUnsupportedPlugin }

func (provider) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is a host")
}

func (provider) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

func main() {
	result, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}

func run(binary string) (*report, error) {
	logs := &lockedBuffer{}
	set := plugin.PluginSet{"provider": provider{}}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		},
		VersionedPlugins: map[int]plugin.PluginSet{5: set, 6: set},
		Cmd:              exec.Command(binary),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.New(&hclog.LoggerOptions{Name: "host", Level: hclog.Trace, Output: logs, JSONFormat: true}),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return nil, fmt.Errorf("connect: %w\n%s", err, logs.String())
	}
	if err := protocol.Ping(); err != nil {
		return nil, fmt.Errorf("health: %w", err)
	}
	dispensed, err := protocol.Dispense("provider")
	if err != nil {
		return nil, fmt.Errorf("dispense: %w", err)
	}
	connection := dispensed.(*grpc.ClientConn)
	result := &report{Protocol: client.NegotiatedVersion(), GRPC: grpc.Version}
	// The response keeps all of its fields as unknown ones.
	response := &emptypb.Empty{}
	err = connection.Invoke(context.Background(), "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, response)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if result.Resources, err = resources(response.ProtoReflect().GetUnknown()); err != nil {
		return nil, err
	}
	client.Kill()
	return result, result.readLogs(logs.String())
}

// resources are the keys of the map in field 2 of a schema response.
func resources(schema []byte) ([]string, error) {
	var names []string
	err := eachField(schema, func(number protowire.Number, value []byte) error {
		if number != 2 {
			return nil
		}
		return eachField(value, func(number protowire.Number, value []byte) error {
			if number == 1 {
				names = append(names, string(value))
			}
			return nil
		})
	})
	sort.Strings(names)
	return names, err
}

// eachField calls visit with each length-delimited field of message.
func eachField(message []byte, visit func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return protowire.ParseError(length)
		}
		message = message[length:]
		length = protowire.ConsumeFieldValue(number, kind, message)
		if length < 0 {
			return protowire.ParseError(length)
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			if err := visit(number, value); err != nil {
				return err
			}
		}
		message = message[length:]
	}
	return nil
}

// readLogs finds the levels at which the host logged what came from the provider, and whether it
// had to kill the provider.
func (r *report) readLogs(logs string) error {
	for line := range strings.Lines(logs) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if _, ok := entry["tf_provider_addr"]; ok || entry["@message"] == "listening" {
			r.ProviderLogLevels = append(r.ProviderLogLevels, entry["@level"].(string))
		}
		if entry["@message"] == "plugin failed to exit gracefully" {
			r.KilledByForce = true
		}
	}
	return nil
}

type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(bytes []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(bytes)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}
