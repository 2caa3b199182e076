# wschat: `make` builds ./wschat, `make check` tests it, `make help` lists the rest.
#
# CC, CPPFLAGS, CFLAGS and LDFLAGS belong to you: what the program needs is kept apart from them. Who compiles for another
# machine sets HOSTCC as well, for a tool that runs on this one.
# Every mode builds in its own folder, build/<mode>/.  V=1 shows the commands; WERROR=1 makes warnings errors.

VERSION = 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
STRIP ?= strip
MODE ?= release
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
MUSL_CC ?= musl-gcc
COVERAGE_MIN ?= 95
CHECK_JOBS ?= 6

MODES = release asan tiny tsan coverage static fuzz
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE is one of: $(MODES))
endif

BUILD := build/$(MODE)
BINARY := $(BUILD)/wschat

# ---- Flags ----

# The sanitizers' builds are for finding faults: what they take most is the compiler's time. The static one is for
# carrying about: it is small.
CFLAGS ?= $(or $(if $(filter asan tiny tsan,$(MODE)),-O1),$(if $(filter static,$(MODE)),-Os),-O2) -g

cc_option = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wcast-qual -Wvla -Wformat=2 -Wundef $(if $(filter 1,$(WERROR)),-Werror)

HARDEN_CFLAGS := -fstack-protector-strong $(call cc_option,-fstack-clash-protection)
HARDEN_LDFLAGS := -Wl,-z,relro,-z,now -Wl,-z,noexecstack
PIE_CFLAGS := -fPIE
PIE_LDFLAGS := -pie

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_CFLAGS =
MODE_CPPFLAGS =
MODE_LDFLAGS =
# What nothing refers to is left out, and the tables for unwinding too, for nobody unwinds: debuggers read those of -g.
ifneq ($(filter release static,$(MODE)),)
MODE_CFLAGS = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
MODE_LDFLAGS = -Wl,--gc-sections
endif
FORTIFY = $(if $(filter -O1 -O2 -O3 -Os -Oz -Og -Ofast -O,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

ifneq ($(filter $(MODE),asan tiny),)
MODE_CFLAGS = $(SANITIZE)
MODE_LDFLAGS = $(SANITIZE)
FORTIFY =
endif
ifeq ($(MODE),tsan)
MODE_CFLAGS = -fsanitize=thread -fno-omit-frame-pointer
MODE_CPPFLAGS = -DWSCHAT_TINY
MODE_LDFLAGS = -fsanitize=thread
FORTIFY =
endif
ifeq ($(MODE),tiny)
MODE_CPPFLAGS = -DWSCHAT_TINY
endif
ifeq ($(MODE),coverage)
MODE_CFLAGS = --coverage -O0
MODE_LDFLAGS = --coverage
FORTIFY =
endif
ifeq ($(MODE),static)
PIE_CFLAGS = -fno-pie
PIE_LDFLAGS = -no-pie
# Optimised as one, so that what is used once stands where it is used: 3 % smaller. Then it is the linker that compiles. Other
# compilers than gcc do without.
MODE_CFLAGS += $(call cc_option,-flto -flto-partition=one)
MODE_LDFLAGS += -static $(MODE_CFLAGS)
endif
ifeq ($(MODE),fuzz)
MODE_CFLAGS = $(SANITIZE) -fsanitize=fuzzer-no-link
MODE_LDFLAGS = $(SANITIZE)
FORTIFY =
endif

REQUIRED_CPPFLAGS = -D_GNU_SOURCE -Iinclude $(FORTIFY) $(MODE_CPPFLAGS) \
                    -DWSCHAT_VERSION='"$(VERSION)"' -DWSCHAT_STATIC_DIR='"$(BUILD)/static.gz"'
REQUIRED_CFLAGS = -std=c11 $(WARNINGS) $(HARDEN_CFLAGS) $(PIE_CFLAGS) $(MODE_CFLAGS)
REQUIRED_LDFLAGS = $(HARDEN_LDFLAGS) $(PIE_LDFLAGS) $(MODE_LDFLAGS)

# The user's flags come last, so that they win where they disagree.
COMPILE = $(CC) $(REQUIRED_CPPFLAGS) $(CPPFLAGS) $(REQUIRED_CFLAGS) $(CFLAGS)
LINK = $(CC) $(CFLAGS) $(REQUIRED_LDFLAGS) $(LDFLAGS)

# libcheck and zlib are for the tests only; nothing is asked of pkg-config before a test is built.
CHECK_CFLAGS = $(shell pkg-config --cflags check)
CHECK_LIBS = $(shell pkg-config --libs check zlib)
ZLIB_LIBS = $(shell pkg-config --libs zlib)

# ---- Files ----

LIB_SRC := $(filter-out src/server/main.c,$(wildcard src/*/*.c src/*/*/*.c))
UNIT_SRC := $(wildcard tests/unit/*.c)
FAULTS_SRC := $(wildcard tests/faults/*.c)
INTEGRATION_SRC := $(wildcard tests/integration/*.c)
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED_SRC := $(filter-out tests/fuzz/fuzz_%.c tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
SCRIPTS := $(wildcard scripts/*.sh scripts/lib/*.sh scripts/deb/p* tests/install/*.sh tests/browser/*.sh) $(wildcard .ci/run)
C_FILES = $(wildcard src/*/*.c src/*/*/*.c include/*/*.h include/*/*/*.h tests/*/*.[ch] scripts/*.c)

object = $(patsubst %.c,$(BUILD)/%.o,$(1))
# The suites of a folder of tests; those that wait longest begin first.
SLOW_SUITES = tokens limits join hostile accepting http
suites_found = $(patsubst tests/$(1)/test_%.c,%,$(wildcard tests/$(1)/test_*.c))
suites = $(filter $(suites_found),$(SLOW_SUITES)) $(filter-out $(SLOW_SUITES),$(suites_found))

LIB := $(BUILD)/libwschat.a
LIB_OBJ := $(call object,$(LIB_SRC))
MAIN_OBJ := $(BUILD)/src/server/main.o
FUZZ_SHARED_OBJ := $(call object,$(FUZZ_SHARED_SRC))
REPLAYS := $(addprefix $(BUILD)/replay-,$(FUZZ_TARGETS))
RUNNERS := $(if $(call suites,faults),$(BUILD)/check-faults) $(BUILD)/check-unit \
           $(if $(call suites,integration),$(BUILD)/check-integration)

# What the linker redirects to tests/faults/wrap.c: calls of the program, not those of the tests or of libcheck.
WRAPPED = malloc calloc realloc mmap mremap read recv recvmsg send sendmsg write writev accept4 \
          epoll_wait epoll_ctl epoll_create1 socket __read_chk __recv_chk open openat mkdir flock fstat fstatat \
          faccessat pread __pread_chk pwrite ftruncate fallocate fsync fdatasync renameat unlinkat
WRAPPED_LIB := $(BUILD)/libwschat-wrapped.o
comma := ,

Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $@)

# ---- The program ----

.PHONY: all check unit faults integration replay smoke asan tiny tsan tsan-run fuzz fuzz-run static coverage \
        coverage-run lint layers libc-only shellcheck format install uninstall deb check-install \
        clean distclean help bench storm strangers proxy-check size tests depth FORCE
.DELETE_ON_ERROR:
.SECONDARY:

# What is built elsewhere, as for another machine, leaves ./wschat alone.
ifeq ($(BUILD),build/release)
all: wschat ## build ./wschat (the default)

wschat: $(BINARY)
	$(Q)cp -f $< $@
else
all: $(BINARY)
endif

$(BINARY): $(MAIN_OBJ) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^

$(LIB): $(LIB_OBJ) $(BUILD)/sources
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) qcs $@ $(LIB_OBJ)

$(BUILD)/src/%.o: src/%.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

# The assets are pulled in by the assembler, which writes no dependency file. Their list is made from the folder.
# What is for npm alone is left out.
ASSETS := $(filter-out package.json wschat.d.ts,$(notdir $(wildcard static/*)))
$(BUILD)/assets.inc: FORCE
	@$(call remember,$(foreach a,$(ASSETS),ASSET("$(a)")))

# Scripts and styles go out without indentation, comments and blanks that mean nothing, a quarter of their bytes, so that all
# of the page stays within 90 KiB; private names and those of custom properties become short. Nothing else is changed, and --static
# serves them as they are written.
STRIP_js = LC_ALL=C awk -f scripts/strip-js.awk
STRIP_css = LC_ALL=C awk -f scripts/strip-css.awk
# In HTML a paragraph needs no end where the next block begins or what it is in ends. Simple values lose their quotes, but for the
# ids that pages of the tutorial have: who looks for them in the text finds them.
STRIP_html = sed -e 's/^ *//' | tr -d '\n' | \
             sed -e 's,</p>\(<p[ >]\|<form\|<ul\|<ol\|</div>\|</form>\|</main>\|</footer>\),\1,g' \
                 -e 's/ alt=""/ alt/g' -e 's/="\([A-Za-z0-9._:-]\{1,\}\)"\([ >]\)/=\1\2/g' \
                 -e 's/ id=\(messages\|messageText\|ws-id\)\([ >]\)/ id="\1"\2/g'
STRIP_webmanifest = sed -e 's/^ *//' | tr -d '\n'
SERVED := $(addprefix $(BUILD)/static/,$(ASSETS))
$(SERVED): $(BUILD)/static/%: static/% Makefile scripts/strip-js.awk scripts/strip-css.awk
	@mkdir -p $(@D) && <$< $(or $(STRIP_$(patsubst .%,%,$(suffix $*))),cat) >$@

# They are embedded as gzip members, which the program's own encoder makes. It runs here, whatever CC compiles for.
HOSTCC ?= $(CC)
GZIP := $(BUILD)/gzip
GZIP_SRC = scripts/gzip.c src/base/buf.c src/base/crc32c.c src/base/hand.c src/proto/ws/deflate.c \
           src/proto/ws/deflate_block.c src/proto/ws/deflate_format.c
$(GZIP): $(GZIP_SRC) $(wildcard include/proto/ws/deflate*.h) include/base/buf.h include/base/hand.h Makefile
	$(call say,HOST)
	$(Q)mkdir -p $(@D) && $(HOSTCC) -std=c11 -O1 -D_GNU_SOURCE -Iinclude -o $@ $(GZIP_SRC)

EMBEDDED := $(addprefix $(BUILD)/static.gz/,$(ASSETS))
$(EMBEDDED): $(BUILD)/static.gz/%: $(BUILD)/static/% $(GZIP)
	@mkdir -p $(@D) && $(GZIP) <$< >$@

$(BUILD)/src/web/assets.o: $(BUILD)/assets.inc $(EMBEDDED)
$(BUILD)/src/web/assets.o: private REQUIRED_CPPFLAGS += -I$(BUILD)

# Changes when the compiler or a flag does, and then everything is compiled again.
remember = mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@
$(BUILD)/flags: FORCE
	@$(call remember,$(subst ','\'',$(COMPILE) // $(LINK)))

# Changes when a source file comes or goes.
$(BUILD)/sources: FORCE
	@$(call remember,$(LIB_SRC))

# ---- Tests ----

TEST_CPPFLAGS =
# Tests run for a moment: what they take most is the compiler's time.
TEST_COMPILE = $(COMPILE) -Itests $(CHECK_CFLAGS) $(TEST_CPPFLAGS) \
               $(if $(filter fuzz,$(MODE)),,-O0 -U_FORTIFY_SOURCE)

# Each runner is tests/unit/main.c with its own list of suites, made from the file names.
define runner
$(BUILD)/$(1)/suites.inc: FORCE
	@mkdir -p $$(@D); for s in $$(call suites,$(1)); do echo "SUITE($$$$s)"; done > $$@.new; \
	cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

$(BUILD)/$(1)/main.o: tests/unit/main.c $(BUILD)/$(1)/suites.inc $(BUILD)/flags
	$$(call say,CC)
	$$(Q)$$(TEST_COMPILE) -I$(BUILD)/$(1) -MMD -MP -c -o $$@ $$<

$(BUILD)/check-$(1): $(BUILD)/$(1)/main.o $$(call object,$$(filter-out tests/unit/main.c,$(2))) $(3)
	$$(call say,LINK)
	$$(Q)$$(LINK) -Wl,--wrap=_mark_point -o $$@ $$^ $$(CHECK_LIBS)
endef
$(eval $(call runner,unit,$(UNIT_SRC),$(LIB)))
$(eval $(call runner,faults,$(FAULTS_SRC) $(wildcard tests/unit/guard.c tests/unit/json_same.c tests/unit/journal_world.c tests/unit/pair.c \
    tests/unit/web_world.c),$(WRAPPED_LIB)))
$(eval $(call runner,integration,$(INTEGRATION_SRC),$(LIB)))

# The suite of the journal alone, with what it needs of the program: that is soon compiled.
$(BUILD)/journal/main.o: tests/unit/main.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && echo 'SUITE(journal)' >$(@D)/suites.inc && $(TEST_COMPILE) -I$(@D) -MMD -MP -c -o $@ $<

$(BUILD)/check-journal: $(BUILD)/journal/main.o $(call object,tests/unit/test_journal.c tests/unit/journal_world.c \
    src/cli/journal_repair.c $(filter src/base/% $(filter-out src/log/redis%,$(filter src/log/%,$(LIB_SRC))),$(LIB_SRC)))
	$(call say,LINK)
	$(Q)$(LINK) -Wl,--wrap=_mark_point -o $@ $^ $(CHECK_LIBS)

$(WRAPPED_LIB): $(LIB)
	$(call say,WRAP)
	$(Q)$(CC) -r -nostdlib $(addprefix -Wl$(comma)--wrap=,$(WRAPPED)) -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive

FAULTY := $(BUILD)/wschat-faulty
WITHOUT := $(BUILD)/wschat-without
NEXT := $(BUILD)/wschat-next
$(BUILD)/check-integration: | $(BINARY) $(FAULTY) $(WITHOUT) $(NEXT)

$(BUILD)/tests/integration/%.o: private TEST_CPPFLAGS = -DWSCHAT_BIN_DEFAULT='"$(CURDIR)/$(BINARY)"' \
    -DWSCHAT_FIXTURES='"$(CURDIR)/tests/fixtures"' -DWSCHAT_FAULTY='"$(CURDIR)/$(FAULTY)"' -DWSCHAT_WITHOUT='"$(CURDIR)/$(WITHOUT)"' \
    -DWSCHAT_NEXT='"$(CURDIR)/$(NEXT)"'

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(TEST_COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/replay-%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(FUZZ_SHARED_OBJ) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^ $(ZLIB_LIBS)

# The whole program on a kernel that gives little at a time and interrupts it all the time, and on a disk that fails.
$(FAULTY): $(MAIN_OBJ) $(call object,tests/faults/wrap.c tests/faults/disk.c tests/faults/environment.c) $(WRAPPED_LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^

# The whole program on a log that commits some turns later: it is linked in place of the one in memory.
LATE := $(BUILD)/wschat-late
$(LATE): $(MAIN_OBJ) $(call object,tests/late/memory.c tests/unit/late_log.c) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^

# The whole program without a journal and without Redis, to compare with.
$(WITHOUT): $(MAIN_OBJ) $(call object,tests/without/durable.c tests/without/cluster.c) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^

# The whole program as another version, to hand over to.
NEXT_SRC := $(shell grep -l WSCHAT_VERSION $(LIB_SRC))
$(BUILD)/next/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(COMPILE) -UWSCHAT_VERSION -DWSCHAT_VERSION='"next"' -MMD -MP -c -o $@ $<

$(NEXT): $(MAIN_OBJ) $(NEXT_SRC:%.c=$(BUILD)/next/%.o) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -o $@ $^

# Looking for leaks at the end of each of a thousand processes takes minutes; at the end of one, a moment.
RUNNER_ENV = $(if $(filter asan tiny,$(MODE)),CK_FORK=no) $(if $(wildcard /dev/shm/.),TMPDIR=/dev/shm)
# So do the servers, of which each test starts its own; those of tiny leave it to those of asan.
SERVERS_ENV = CK_JOBS=$(CHECK_JOBS) $(if $(filter asan tiny,$(MODE)),SANITIZED=$(MODE) FAULTY_BIN=$(abspath $(FAULTY))) \
              $(if $(filter tiny,$(MODE)),ASAN_OPTIONS=detect_leaks=0)

FAULTS_SHORT = read=7 send=11 wait=1 eintr
FAULTS_AGAIN = read=100 again

# Which suites of tests/integration run against which program; none: that run is left out. CLIENTS is the runner: one
# without sanitizers takes half as long to try a program that has them.
FAULTY_SUITES ?= join websocket tutorial
AGAIN_SUITES ?= http
LATE_SUITES ?= tutorial rooms v1 resume seats websocket lifecycle
SERVER_SUITES ?= $(call suites,integration)
CLIENTS ?= $(BUILD)/check-integration
# try PROGRAM,SUITES,MORE OF THE ENVIRONMENT
try = $(if $(strip $(2)),run env $(SERVERS_ENV) CK_SUITES='$(strip $(2))' WSCHAT_BIN=$(abspath $(1)) $(3) $(CLIENTS);)

check: $(BINARY) $(FAULTY) $(LATE) $(filter-out %/check-integration,$(RUNNERS)) $(CLIENTS) $(REPLAYS) ## all tests: unit, faults, integration, fuzz corpora, layers, libc only
	@status=0; \
	run() { echo "== $$*"; "$$@" || status=1; }; \
	$(if $(filter release,$(MODE)),run env CC='$(CC)' scripts/check-layers.sh; \
	    run scripts/check-docs.sh $(BINARY); run scripts/check-learn.sh $(BINARY); \
	    run scripts/check-libc-only.sh $(BINARY);) \
	$(foreach t,$(FUZZ_TARGETS),run $(BUILD)/replay-$(t) tests/fuzz/corpus/$(t);) \
	for r in $(filter-out %/check-integration,$(RUNNERS)); do run env $(RUNNER_ENV) $$r; done; \
	$(call try,$(FAULTY),$(FAULTY_SUITES),FAULTS='$(FAULTS_SHORT)') \
	$(call try,$(FAULTY),$(AGAIN_SUITES),FAULTS='$(FAULTS_AGAIN)') \
	$(call try,$(LATE),$(LATE_SUITES)) \
	$(call try,$(BINARY),$(SERVER_SUITES)) \
	if [ $$status = 0 ]; then echo "check ($(MODE)): passed"; else echo "check ($(MODE)): FAILED"; fi; \
	exit $$status

tests: check

unit: $(BUILD)/check-unit ## only the unit tests; CK_RUN_SUITE=ws_frame picks one suite
	$<

faults: $(BUILD)/check-faults ## only the fault injection tests
	$<

integration: $(BUILD)/check-integration ## only the tests against the real binary
	$<

replay: $(REPLAYS) ## only the fuzz corpora
	$(foreach t,$(FUZZ_TARGETS),$(BUILD)/replay-$(t) tests/fuzz/corpus/$(t) &&) true

smoke: all ## two tabs of a real headless Chromium chat with each other
	scripts/smoke.sh

proxy-check: all ## real nginx and HAProxy with TLS in front; a client and a browser go through them
	scripts/check-proxy.sh

asan: ## the whole check under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory MODE=asan check

tiny: ## the same with tiny buffers, rings and tables
	@$(MAKE) --no-print-directory MODE=tiny check

tsan: ## the journal's thread, and who talks to it, under ThreadSanitizer
	@$(MAKE) --no-print-directory MODE=tsan tsan-run

# Its addresses must be where it expects them, whatever the kernel likes to draw.
tsan-run: $(BUILD)/check-journal
	CK_FORK=no TSAN_OPTIONS=halt_on_error=1 $(if $(wildcard /dev/shm/.),TMPDIR=/dev/shm) setarch -R $<

static: ## one static file, build/static/wschat (musl)
	@command -v $(MUSL_CC) >/dev/null || { echo "$(MUSL_CC) is missing: apt-get install musl-tools"; exit 1; }
	@$(MAKE) --no-print-directory MODE=static CC='$(MUSL_CC)' all
	scripts/check-libc-only.sh build/static/wschat

# So that nobody makes it larger without a word.
SIZE_MAX ?= 590000
size: static ## what that file is made of; fails where it has grown beyond SIZE_MAX bytes, stripped
	@scripts/size.sh build/static $(SIZE_MAX)

coverage: ## branch coverage of base, proto, auth and chat; fails under 95 %
	@$(MAKE) --no-print-directory MODE=coverage CC=gcc coverage-run

coverage-run: $(filter-out %/check-integration,$(RUNNERS)) $(REPLAYS)
	@find $(BUILD) -name '*.gcda' -delete
	@for r in $(filter-out %/check-integration,$(RUNNERS)); do echo "== $$r"; $$r || exit 1; done
	@$(foreach t,$(FUZZ_TARGETS),$(BUILD)/replay-$(t) tests/fuzz/corpus/$(t) &&) true
	scripts/coverage.sh $(BUILD) $(COVERAGE_MIN)

bench: all ## speed and memory, measured (scripts/bench.sh)
	scripts/bench.sh

storm: all ## half-open handshakes, resets, a flooder, a stalled reader: what the others notice of it
	scripts/check-storm.sh

strangers: all ## what one stranger, and fifty, can do to the others, by each kind of work
	scripts/strangers.sh

# ---- Fuzzing ----

fuzz: ## fuzz each target for FUZZ_SECONDS (60) with clang's libFuzzer
	@$(MAKE) --no-print-directory MODE=fuzz CC='$(FUZZ_CC)' fuzz-run

fuzz-run: $(addprefix $(BUILD)/fuzz-,$(FUZZ_TARGETS))
	scripts/fuzz.sh $(BUILD) $(FUZZ_SECONDS) $(FUZZ_TARGETS)

$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED_OBJ) $(LIB)
	$(call say,LINK)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(ZLIB_LIBS)

# ---- Care ----

lint: layers shellcheck $(BUILD)/assets.inc ## clang-tidy, cppcheck, shellcheck, clang-format and the layers
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem -Iinclude -D_GNU_SOURCE -DWSCHAT_VERSION='"$(VERSION)"' \
	    -DWSCHAT_STATIC_DIR='"static"' src
	clang-tidy --quiet $(LIB_SRC) src/server/main.c -- -std=c11 $(REQUIRED_CPPFLAGS) -I$(BUILD) $(WARNINGS)

layers: ## no file includes a layer below its own; every header compiles alone
	CC='$(CC)' scripts/check-layers.sh

depth: $(BUILD)/assets.inc ## at most 9 calls between the tick and a call of the system
	scripts/check-depth.sh

libc-only: $(BINARY) ## proof from the ELF file that nothing but libc is linked
	scripts/check-libc-only.sh $(BINARY)

shellcheck:
	shellcheck -x $(SCRIPTS)

format: ## clang-format over all C files
	clang-format -i $(C_FILES)

# Completions are made from the --help of the program; where that cannot run here, HELP_BINARY names one that can.
HELP_BINARY ?= $(BINARY)
COMPLETIONS := $(addprefix $(BUILD)/completion.,bash zsh fish)
$(COMPLETIONS): $(BUILD)/completion.%: scripts/completion.sh $(BINARY)
	$(call say,GEN)
	$(Q)scripts/completion.sh $* $(HELP_BINARY) >$@

# What is installed, and where: MODE SOURCE FOLDER/NAME.
INSTALLED = 755 $(BINARY) $(BINDIR)/wschat \
            644 docs/wschat.1 $(MANDIR)/man1/wschat.1 \
            644 $(BUILD)/wschat.service $(UNITDIR)/wschat.service \
            644 $(BUILD)/wschat@.service $(UNITDIR)/wschat@.service \
            644 docs/systemd/wschat.socket $(UNITDIR)/wschat.socket \
            644 $(BUILD)/completion.bash $(BASHCOMPDIR)/wschat \
            644 $(BUILD)/completion.zsh $(ZSHCOMPDIR)/_wschat \
            644 $(BUILD)/completion.fish $(FISHCOMPDIR)/wschat.fish

$(BUILD)/wschat.service: docs/systemd/wschat.service FORCE
	@mkdir -p $(@D) && sed 's|^ExecStart=[^ ]*|ExecStart=$(BINDIR)/wschat|' $< >$@

# Nodes of one chat (--redis): the same unit, with a name of its own for each. Only servers of one user share a port.
$(BUILD)/wschat@.service: $(BUILD)/wschat.service
	@sed -e 's|^# wschat under systemd.*|# A node of several that share their rooms: wschat@1, wschat@2, ...|' \
	    -e 's|^Description=.*|&, node %i|' -e 's|^ExecStart=.*|& --node %i --reuse-port|' \
	    -e 's|^EnvironmentFile=.*|&\nEnvironmentFile=-/etc/default/wschat-%i|' \
	    -e 's|^RuntimeDirectory=.*|&-%i|' -e 's|^DynamicUser=yes|&\nUser=wschat-nodes|' $< >$@

install: $(BINARY) $(COMPLETIONS) $(BUILD)/wschat.service $(BUILD)/wschat@.service ## install program, man page, units, completions (PREFIX, DESTDIR)
	@set -e -- $(INSTALLED); while [ $$# -gt 0 ]; do \
	    echo "install $$3"; install -D -m "$$1" "$$2" '$(DESTDIR)'"$$3"; shift 3; done
	$(if $(STRIP),$(STRIP) '$(DESTDIR)$(BINDIR)/wschat')

uninstall: ## remove what install put there
	@set -e -- $(INSTALLED); while [ $$# -gt 0 ]; do echo "remove $$3"; rm -f '$(DESTDIR)'"$$3"; shift 3; done

deb: ## a Debian package, build/deb/wschat_VERSION_ARCH.deb; DEB_ARCH=arm64: by the cross compiler
	+scripts/build-deb.sh $(VERSION) $(DEB_ARCH)

check-install: ## completions, units, make install, and the package (lintian; a service that starts)
	+scripts/check-install.sh $(VERSION)

clean: ## remove what was built
	rm -rf $(addprefix build/,$(MODES) deb) wschat

distclean: ## also remove what the benchmarks downloaded
	rm -rf build wschat

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
