package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

// runKwok plays the nodes. kwok reads its configuration files in a first pass over
// the flags, in which the flags of its command are still unknown.
func runKwok() int {
	// The Kubernetes components in this binary have put flags of their own, such as
	// another --version, into the set that every command inherits.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ExitOnError)

	first := pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	first.ParseErrorsAllowlist.UnknownFlags = true
	first.Usage = func() {}

	ctx, _ := log.InitFlags(signals.SetupSignalContext(), first)
	ctx, err := config.InitFlags(ctx, first)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kwok: reading the configuration:", err)
		return 1
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(first)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kwok:", err)
		return 1
	}
	return 0
}
