# Hawser. `make help` explains the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The version is stamped below; git may refuse to speak to root about another
# user's checkout, and then go would not build.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

BUILD   := build
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATIC  := CGO_ENABLED=0 GOOS=linux
LDFLAGS  = -s -w -X github.com/hawser-lb/hawser/shared/version.Version=$(VERSION)
GOBUILD  = go build -trimpath -ldflags "$(LDFLAGS)"
GO      := $(shell find router cluster shared -name '*.go' -not -path 'cluster/testcluster/*' 2>/dev/null) go.mod go.sum

# What the router's binary is built for: name, then Go's environment.
TARGETS    := mipsle mips arm64 armv7 amd64
env_mipsle := GOARCH=mipsle GOMIPS=softfloat
env_mips   := GOARCH=mips GOMIPS=softfloat
env_arm64  := GOARCH=arm64
env_armv7  := GOARCH=arm GOARM=7
env_amd64  := GOARCH=amd64

# What OpenWrt's packages are built for besides; make cross leaves these out.
PACKED     := $(TARGETS) 386 riscv64
env_386     := GOARCH=386
env_riscv64 := GOARCH=riscv64

# The version of packages, which apk and opkg must be able to compare: a tag's,
# or that before the commit and the commit's time. The router's programs say it.
MADE           := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
PACKAGE_VERSION ?= $(shell tag=$$(git describe --tags --abbrev=0 2>/dev/null || echo v0.0.0); \
  test "$$(git describe --tags --exact-match 2>/dev/null)" = "$$tag" || tag=$${tag}_git$$(date -u -d @$(MADE) +%Y%m%d%H%M%S); echo $$tag-r1 | sed s,^v,,)
PACKER         := go run ./openwrt-feed/packer/cmd/packer --version $(PACKAGE_VERSION) --made $(MADE)
FEED_KEY       ?= .feed-key

# Flash is scarcest where routers are MIPS: without inlining, but for the
# runtime's own, the program is an eighth smaller when packed.
small        := -gcflags=all=-l -gcflags=runtime/...= -gcflags=internal/...= -gcflags=runtime=
flags_mipsle := $(small)
flags_mips   := $(small)

# Debian packages that tests and demo use; deps installs what is missing. Without
# netbase's names of protocols a kube-proxy that starts again deletes its own rules.
PACKAGES := bird2 busybox-static ca-certificates containerd cpio curl etcd-server frr gobgpd \
            iproute2 kmod make netbase nftables procps qemu-system-mips runc shellcheck signify-openbsd

# Node runs the tests of the pages. One that is there already stays: Debian's
# would take its place.
ifeq ($(shell command -v npm),)
PACKAGES += nodejs npm
endif

.PHONY: help
help: ## this text
	@awk -F ':.*## ' '/^[a-z][a-z0-9/_ -]*:.*## / {sub(/^hawser-mipsle .*/, "hawser-mipsle", $$1); printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## --- build

.PHONY: build
build: $(BUILD)/hawser $(BUILD)/hawser-speaker ## both programs, for this machine

.PHONY: hawser hawser-speaker
hawser: $(BUILD)/hawser ## the router's program, for this machine
hawser-speaker: $(BUILD)/hawser-speaker ## the cluster's program, for this machine

$(BUILD)/hawser: $(GO)
	$(STATIC) $(GOBUILD) -o $@ ./router/cmd/hawser

$(BUILD)/hawser-speaker: $(GO)
	$(STATIC) $(GOBUILD) -o $@ ./cluster/cmd/hawser-speaker

$(BUILD)/scene: $(GO)
	$(STATIC) $(GOBUILD) -o $@ ./shared/lab/cmd/scene

$(PACKED:%=$(BUILD)/hawser-%): VERSION = $(PACKAGE_VERSION)
$(BUILD)/hawser-%: $(GO) $(BUILD)/version
	$(STATIC) $(env_$*) $(GOBUILD) $(flags_$*) -o $@ ./router/cmd/hawser

# Written when the version changes, so that programs are linked anew.
.PHONY: always
$(BUILD)/version: always
	@mkdir -p $(BUILD); test "$$(cat $@ 2>/dev/null)" = '$(PACKAGE_VERSION)' || echo '$(PACKAGE_VERSION)' > $@

.PHONY: $(TARGETS:%=hawser-%)
hawser-mipsle hawser-mips hawser-arm64 hawser-armv7 hawser-amd64: hawser-%: $(BUILD)/hawser-% ## the router's program for one kind of router; likewise -mips, -arm64, -armv7, -amd64

.PHONY: cross
cross: $(TARGETS:%=$(BUILD)/hawser-%) ## the router's program for each kind of router, with sizes
	@printf '%-16s %12s %12s\n' binary bytes 'gzip -9'; \
	for t in $(TARGETS); do f=$(BUILD)/hawser-$$t; \
	  printf '%-16s %12d %12d\n' hawser-$$t "$$(stat -c %s $$f)" "$$(gzip -9 -c $$f | wc -c)"; done
	@size=$$(stat -c %s $(BUILD)/hawser-mipsle); \
	  test "$$size" -le 6000000 || { echo "hawser-mipsle: $$size bytes, more than the 6,000,000 that a router has room for"; exit 1; }

## --- the speaker's image

IMAGE     := localhost/hawser-speaker
PLATFORMS := amd64 arm64 armv7
platform_armv7 := arm/v7
EPOCH      = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

$(BUILD)/hawser-speaker-%: $(GO)
	$(STATIC) $(env_$*) $(GOBUILD) -o $@ ./cluster/cmd/hawser-speaker

$(BUILD)/image: $(wildcard cluster/packaging/cmd/image/*.go) cluster/packaging/go.mod cluster/packaging/go.sum
	cd cluster/packaging && CGO_ENABLED=0 go build -trimpath -o ../../$@ ./cmd/image

# The terms of what is in a program, which go along with it.
program_hawser  := ./router/cmd/hawser
program_speaker := ./cluster/cmd/hawser-speaker
$(BUILD)/licences-%.txt: $(GO)
	@mkdir -p $(BUILD)
	go run ./shared/licences/cmd/licences $(program_$*) > $@.new && mv $@.new $@

$(BUILD)/hawser-speaker.oci.tar: $(BUILD)/image $(BUILD)/licences-speaker.txt $(PLATFORMS:%=$(BUILD)/hawser-speaker-%)
	$(BUILD)/image -o $@ -licences $(BUILD)/licences-speaker.txt -name $(IMAGE) -tag $(VERSION) -tag latest -epoch $(EPOCH) \
	  $(foreach p,$(PLATFORMS),linux/$(or $(platform_$p),$p)=$(BUILD)/hawser-speaker-$p)

.PHONY: manifest
manifest: ## build/hawser.yaml: all manifests in one file, for the image of this version
	cd cluster/packaging && go run ./cmd/manifest ../deploy $(IMAGE) $(VERSION) > ../../$(BUILD)/hawser.yaml
	@ls -l $(BUILD)/hawser.yaml

# What holds a pod's namespaces in the test cluster.
$(BUILD)/sandbox.oci.tar: $(BUILD)/image cluster/testcluster/cmd/pause/main.go
	cd cluster/testcluster && CGO_ENABLED=0 go build -trimpath -o ../../$(BUILD)/pause ./cmd/pause
	$(BUILD)/image -o $@ -program pause -name localhost/sandbox -tag lab linux/$$(go env GOARCH)=$(BUILD)/pause

.PHONY: image
image: $(BUILD)/hawser-speaker.oci.tar ## the cluster's program as an OCI image for amd64, arm64 and arm/v7, one tar file
	@ls -l $<

.PHONY: packages
packages: $(PACKED:%=$(BUILD)/hawser-%) $(BUILD)/licences-hawser.txt ## OpenWrt packages, .ipk and .apk, for every architecture
	@rm -rf $(BUILD)/packages
	$(PACKER) --out $(BUILD)/packages packages
	@find $(BUILD)/packages -type f -printf '%10s  %P\n' | sort -k2

.PHONY: feed
feed: $(PACKED:%=$(BUILD)/hawser-%) $(BUILD)/licences-hawser.txt ## feeds for opkg and apk with all packages, signed by the key of make feed-key
	@rm -rf $(BUILD)/feed
	$(PACKER) --key $(FEED_KEY) --out $(BUILD)/feed feed

.PHONY: feed-key
feed-key: ## a key to sign feeds with, in FEED_KEY (.feed-key): keep it, and keep it secret
	$(PACKER) --key $(FEED_KEY) key

# The Kubernetes parts of the test cluster: minutes when cold, then cached.
KUBE := k8s.io/component-base/version
build/kube: $(wildcard cluster/testcluster/cmd/kube/*.go) cluster/testcluster/go.mod cluster/testcluster/go.sum ## the test cluster's Kubernetes, from source: minutes when cold
	@echo "building kube-apiserver, kube-controller-manager, kubelet, kube-proxy and others: about fifteen minutes when cold"
	@cd cluster/testcluster && CGO_ENABLED=0 go build -v -trimpath -o ../../$@ \
	  -ldflags "-s -w -X $(KUBE).gitVersion=v1.37.2 -X $(KUBE).gitMajor=1 -X $(KUBE).gitMinor=37" ./cmd/kube 2>&1 | \
	  awk '/^go: downloading / {what = "modules downloaded"} /^[^ :]+$$/ {what = "packages compiled"} \
	    what == "" {print; next} \
	    {n[what]++; if (n[what] % 100 == 0) {printf "  %d %s\n", n[what], what; fflush()} what = ""}'

.PHONY: generate
generate: ## the CRDs and deep copies from cluster/api, the Helm chart from the manifests, the dashboard
	go tool controller-gen object crd paths=./cluster/api/... output:crd:dir=cluster/deploy/crds
	cd cluster/packaging && go run ./cmd/chart ../deploy && go run ./monitoring/cmd/dashboard ../deploy/monitoring/dashboard.json

## --- test

.PHONY: deps
deps: ## install the Debian packages that tests and demo need and that are missing (root)
	@missing=(); for p in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q ' installed$$' || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing: $${missing[*]}"; \
	  policy=/usr/sbin/policy-rc.d; \
	  if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' > $$policy; chmod +x $$policy; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; fi; \
	  apt-get -qq update; \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi

LUCI := luci-app/luci-app-hawser
$(LUCI)/test/node_modules: $(LUCI)/test/package-lock.json
	cd $(LUCI)/test && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: luci/modules
luci/modules: $(LUCI)/test/node_modules ## what the tests of the LuCI pages need of npm

.PHONY: lint
lint: luci/modules ## gofmt, vet, staticcheck, shellcheck, eslint
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	go vet ./...
	@# The flags of build/kube, so that nothing of Kubernetes is compiled again.
	cd cluster/testcluster && CGO_ENABLED=0 go vet -trimpath ./...
	cd cluster/packaging && go vet ./...
	go tool staticcheck ./...
	shellcheck -s dash openwrt-feed/hawser/files/hawser.init openwrt-feed/hawser/files/hawser.defaults
	cd $(LUCI) && test/node_modules/.bin/eslint -c test/eslint.config.mjs .
	shellcheck .ci/run $$(git ls-files '*.sh')

$(BUILD)/board: shared/lab/board/fetch.sh
	shared/lab/board/fetch.sh $@

# -p 1: the packages' labs share two cores; tests inside a package run in parallel where they can.
.PHONY: test
test: deps $(BUILD)/kube build cross image $(BUILD)/sandbox.oci.tar $(BUILD)/board lint ## everything: unit, namespaces, interop, end to end, cross-builds, emulated MIPS (root)
	cd cluster/packaging && go test -count=1 ./...
	go test -p 1 -count=1 -timeout 30m ./...

STORIES ?= 20000
SEED ?= 0
.PHONY: stories
stories: ## STORIES (20000) drawn at random of what befalls router and cluster together, each held against a model
	go test -count=1 -timeout=0 -v ./shared/lab/together -rapid.checks=$(STORIES) -rapid.seed=$(SEED)

.PHONY: demo
demo: deps $(BUILD)/kube build $(BUILD)/scene ## the whole story on real parts, in this terminal (root)
	$(BUILD)/scene demo

.PHONY: lab
lab: deps $(BUILD)/kube build $(BUILD)/scene ## the demo's scene, left running for you (root)
	$(BUILD)/scene lab

.PHONY: bench
bench: deps build $(BUILD)/kube ## the router beside FRR and BIRD, then the cluster side; some twenty minutes (root)
	go run ./shared/lab/cmd/bench
	go run ./shared/lab/cmd/bench cluster

SOAK ?= 30m

.PHONY: soak
soak: deps $(BUILD)/kube build ## random deeds on the whole scene for SOAK (30m), drawn from SEED; see docs/soak.md (root)
	go run ./shared/lab/cmd/soak --for $(SOAK) --seed $(SEED)

# FAILURE: flags, such as --only node-power-off,hawser-kill or --markdown.
.PHONY: bench-failure
bench-failure: deps build $(BUILD)/kube ## what a client notices when something dies, beside gobgpd and FRR; some fifteen minutes (root)
	go run ./shared/lab/cmd/bench failure $(FAILURE)

BFDTIME ?= 10m

.PHONY: bench-bfd
bench-bfd: deps build $(BUILD)/board hawser-mipsle ## false alarms of BFD: on busy cores, in a flood, on the emulated board; three times BFDTIME, ten minutes (root)
	go run ./shared/lab/cmd/bench bfd --watch $(BFDTIME)
	go test -count=1 -v -timeout 0 -run BFD ./shared/lab/board -args -bfd $(BFDTIME)

FUZZTIME ?= 10m

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME, ten minutes unless said otherwise
	@git grep -n '^func Fuzz' -- '*_test.go' | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z]+).*|\1 \2|' | \
	while read -r dir target; do \
	    echo "$$dir $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$dir" < /dev/null; \
	done

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)
