// Prints which versions lie in which ranges, by the library that Argo CD uses. Its output is ../golden.txt.
package main

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const versions = `0.0.0 0.0.1 0.0.2 0.1.0 0.1.5 0.2.0 0.2.0-a 1.0.0-alpha 1.0.0-rc.1 1.0.0 1.0.0+b 1.2.0
	1.2.3-rc.1 1.2.3 1.2.4 1.3.0-beta 1.3.0 1.10.0 2.0.0-0 2.0.0 2.1.0 3.1.4 11.0.0`

const operands = `0 1 2 x * 0.0 0.1 1.2 1.x 1.* 0.x 0.0.0 0.0.1 0.1.0 1.2.3 1.2.x v1.2 1.0.0-rc.1 1.3.0-0
	1.2.3-rc.1 v2.0.0-0 1.x.3 1.0.0+b x.1 1.2-beta 3.1.4`

var operators = []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", "> ", "^ "}

var combined = []string{
	">=1.0 <2.0", ">=1.0, <2.0", ">=1.0,<2.0", ">= 1.2.0 < 2", "1.2 - 1.4", "1.2.0 - 2", "1 - 1.3", "^1 || ^3",
	"^0.1||~3", ">1 !=1.2.3", "1.2 1.3", "1.2-1.3", ">=1.0.0-0 <1.3.0", ">=1.0.0-0, <1.3.0-zz", "~1.2 || >=2.0.0-0",
	" ^1 ", "^1,^1.2", "1.0 - 1.2 || 3.x", "1.2 - 1.4, !=1.3.0", ">=1.2-0", "^1 -", "^1 ,", "main", "release-1.x",
	"1.2.3.4", ">", "^", " ", "", "||", "1||", "||1", ",", "v", "1.2.3 - ", "- 1", "refs/tags/1.0", "a.b.c", "01.2",
}

func main() {
	ranges := []string{}
	for _, operator := range operators {
		for _, operand := range strings.Fields(operands) {
			ranges = append(ranges, operator+operand)
		}
	}
	for _, text := range append(ranges, combined...) {
		constraint, err := semver.NewConstraint(text)
		if err != nil {
			fmt.Printf("%s\t-\n", text)
			continue
		}
		held := []string{}
		for _, version := range strings.Fields(versions) {
			if constraint.Check(semver.MustParse(version)) {
				held = append(held, version)
			}
		}
		fmt.Printf("%s\t%s\n", text, strings.Join(held, " "))
	}
}
