// Command git-ssh serves the Git repositories of a folder over SSH on loopback, for
// tests. It makes a host key, the key of its one client and a stranger's at its start
// and ends when its standard input does.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

func main() {
	port := flag.Int("port", 0, "port on loopback")
	root := flag.String("root", "", "folder of the repositories")
	keys := flag.String("keys", "", "folder that the keys are written to")
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := run(*port, *root, *keys); err != nil {
		log.Fatal(err)
	}
}

func run(port int, root, keys string) error {
	host, err := newKey(keys, "host")
	if err != nil {
		return err
	}
	client, err := newKey(keys, "client")
	if err != nil {
		return err
	}
	stranger, err := newKey(keys, "stranger")
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	if err := writeKnownHosts(filepath.Join(keys, "known_hosts"), port, host); err != nil {
		return err
	}
	if err := writeKnownHosts(filepath.Join(keys, "known_hosts.forged"), port, stranger); err != nil {
		return err
	}
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, shown ssh.PublicKey) (*ssh.Permissions, error) {
			if string(shown.Marshal()) == string(client.PublicKey().Marshal()) {
				return &ssh.Permissions{}, nil
			}
			return nil, errors.New("unknown key")
		},
	}
	config.AddHostKey(host)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(connection, config, root)
	}
}

func newKey(folder, name string) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

func writeKnownHosts(path string, port int, host ssh.Signer) error {
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey())))
	return os.WriteFile(path, fmt.Appendf(nil, "[127.0.0.1]:%d %s\n", port, key), 0o644)
}

func serve(connection net.Conn, config *ssh.ServerConfig, root string) {
	defer connection.Close()
	_, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		log.Print("handshake: ", err)
		return
	}
	go ssh.DiscardRequests(requests)
	for wanted := range channels {
		if wanted.ChannelType() != "session" {
			_ = wanted.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := wanted.Accept()
		if err != nil {
			return
		}
		go session(channel, requests, root)
	}
}

// session runs the one command of a session. Git sets GIT_PROTOCOL before it.
func session(channel ssh.Channel, requests <-chan *ssh.Request, root string) {
	defer channel.Close()
	protocol := ""
	for request := range requests {
		switch request.Type {
		case "env":
			var variable struct{ Name, Value string }
			ok := ssh.Unmarshal(request.Payload, &variable) == nil && variable.Name == "GIT_PROTOCOL"
			if ok {
				protocol = variable.Value
			}
			_ = request.Reply(ok, nil)
		case "exec":
			var command struct{ Line string }
			if ssh.Unmarshal(request.Payload, &command) != nil {
				_ = request.Reply(false, nil)
				return
			}
			_ = request.Reply(true, nil)
			status := execute(channel, command.Line, protocol, root)
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			return
		default:
			_ = request.Reply(false, nil)
		}
	}
}

func execute(channel ssh.Channel, line, protocol, root string) uint32 {
	service, path, _ := strings.Cut(line, " ")
	if service != "git-upload-pack" && service != "git-receive-pack" {
		fmt.Fprintf(channel.Stderr(), "not a Git command: %s\n", line)
		return 127
	}
	// Clients quote the path for a shell; none is run here, and nothing leads out of the root.
	path = filepath.Join(root, filepath.Clean("/"+strings.Trim(path, "'")))
	command := exec.Command("git", strings.TrimPrefix(service, "git-"), path)
	command.Env = append(os.Environ(),
		"GIT_PROTOCOL="+protocol,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	command.Stdout = channel
	command.Stderr = channel.Stderr()
	input, err := command.StdinPipe()
	if err != nil {
		return 1
	}
	if err := command.Start(); err != nil {
		fmt.Fprintln(channel.Stderr(), err)
		return 1
	}
	// Not waited for: a client that fetches need not close its side first.
	go func() {
		_, _ = io.Copy(input, channel)
		_ = input.Close()
	}()
	if err := command.Wait(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return uint32(exit.ExitCode())
		}
		return 1
	}
	return 0
}
