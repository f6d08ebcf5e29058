module bridgehead/tests/tools/git-ssh

go 1.26.0

require golang.org/x/crypto v0.48.0

require golang.org/x/sys v0.41.0 // indirect
