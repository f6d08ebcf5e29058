// Command control-plane is a Kubernetes control plane and its pretended nodes in
// one binary: the first argument names the component, the rest are its own flags.
//
//	control-plane [--exit-with-stdin] etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok FLAGS…
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--exit-with-stdin" {
		args = args[1:]
		go exitWithStdin()
	}
	if len(args) == 0 {
		fail("which component? " + names())
	}
	run, known := components[args[0]]
	if !known {
		fail(fmt.Sprintf("unknown component %q: %s", args[0], names()))
	}
	// Each component parses the command line of a process of its own.
	os.Args = args
	os.Exit(run())
}

var components = map[string]func() int{
	"etcd":                    runEtcd,
	"kube-apiserver":          func() int { return runCobra(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return runCobra(controllers.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return runCobra(scheduler.NewSchedulerCommand()) },
	"kwok":                    runKwok,
}

func runEtcd() int {
	etcdmain.Main(os.Args)
	return 0
}

func runCobra(command *cobra.Command) int {
	return cli.Run(command)
}

// exitWithStdin ends the process when whoever holds the other end of its standard
// input is gone. A pipe closes however its owner died, SIGKILL included, so no
// component outlives the test that started it.
func exitWithStdin() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func names() string {
	list := make([]string, 0, len(components))
	for name := range components {
		list = append(list, name)
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "control-plane: "+message)
	os.Exit(2)
}
