#include "server/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* The machine and the order of its bytes, as the kernel names them (linux/audit.h). Calls differ
 * between processors, so there is no filter where the list below was never thought through: 32 bits
 * have other calls for files, time and memory. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE 0xc000003eu
#elif defined(__aarch64__) && !defined(__ILP32__) && defined(__AARCH64EL__)
#define ARCHITECTURE 0xc00000b7u
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE 0xc00000f3u
#endif

#ifdef ARCHITECTURE

/* ---- the kernel's side (seccomp(2), linux/filter.h); not every libc comes with its headers ----
 */

#define SET_MODE_FILTER 1u
#define ALL_THREADS 1u

#define RETURN_KILL 0x80000000u
#define RETURN_ALLOW 0x7fff0000u
#define RETURN_EPERM (0x00050000u | EPERM)

#define LOAD 0x20            /* the word at an offset of the data */
#define JUMP_IF_EQUAL 0x15   /* to the value */
#define JUMP_IF_ANY_BIT 0x45 /* of the value is set */
#define RETURN 0x06

struct instruction {
    uint16_t code;
    uint8_t yes, no; /* how many instructions a jump passes over */
    uint32_t value;
};

struct program {
    unsigned short len;
    const struct instruction *code;
};

/* Offsets in the data: the call, the architecture, then the place of the call in memory, then six
 * arguments of 64 bits. */
#define CALL 0
#define MACHINE 4
#define LOW(argument) (16 + 8 * (argument))
#define HIGH(argument) (20 + 8 * (argument))

/* ---- what is allowed ---- */

/* Calls with whatever arguments. The hot ones come first. Kernels since 5.11 know by themselves
 * that these pass, and do not run the filter for them. A call may have several names: that of this
 * processor, those of both libcs. */
static const uint32_t plain_calls[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,
    SYS_recvfrom,
    SYS_sendto,
    SYS_sendmsg,
    /* Without a vDSO, or with a clock that it cannot read. */
    SYS_clock_gettime,
    SYS_accept4,
    SYS_epoll_ctl,
    SYS_close,
    /* Signals; a file that is served. */
    SYS_read,
    /* Memory; mmap and mprotect are below. */
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_getrandom,
    /* Addresses, for logs and for the file of a unix socket. */
    SYS_getpeername,
    SYS_getsockname,
/* Whether stderr takes a line. */
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,
    /* Metrics. */
    SYS_pread64,
    SYS_getdents64,
    SYS_lseek,
    SYS_getrusage,
    /* Locks of the libc; a call that a stop and a continue interrupted; the end. */
    SYS_futex,
    SYS_restart_syscall,
    SYS_rt_sigreturn,
    SYS_exit_group,
    SYS_exit,
    /* abort() */
    SYS_rt_sigprocmask,
    SYS_getpid,
    SYS_gettid,
};

#define STREAM_TYPE (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

enum check { EQUALS, HAS_NO_BIT_OF, IS_SELF, IS_FOLDER, IS_EVENT };

/* Looks at half of an argument. What the kernel takes as an int needs no look at the other half. */
struct test {
    enum check check;
    uint32_t offset;
    uint32_t value;
};

struct rule {
    uint32_t call;
    uint32_t count;
    struct test tests[3];
};

static const struct rule rules[] = {
    /* Memory that can be run as a program is what every attack wants first. */
    {SYS_mmap, 1, {{HAS_NO_BIT_OF, LOW(2), PROT_EXEC}}},
    {SYS_mprotect, 1, {{HAS_NO_BIT_OF, LOW(2), PROT_EXEC}}},
    {SYS_write, 1, {{EQUALS, LOW(0), STDERR_FILENO}}},
    {SYS_writev, 1, {{EQUALS, LOW(0), STDERR_FILENO}}},
    {SYS_setsockopt, 2, {{EQUALS, LOW(1), SOL_SOCKET}, {EQUALS, LOW(2), SO_RCVBUF}}},
    /* Which comes and goes with the number of connections that come. */
    {SYS_setsockopt, 2, {{EQUALS, LOW(1), IPPROTO_TCP}, {EQUALS, LOW(2), TCP_DEFER_ACCEPT}}},
    /* How much of what was sent is still on its way. */
    {SYS_ioctl, 1, {{EQUALS, LOW(1), TIOCOUTQ}}},
    /* A listener whose receiving is shut down becomes a socket that MSG_FASTOPEN connects, which
     * Landlock does not see. */
    {SYS_shutdown, 1, {{EQUALS, LOW(1), SHUT_WR}}},
    /* Limits can be read, not set. */
    {SYS_prlimit64, 3, {{EQUALS, LOW(0), 0}, {EQUALS, LOW(2), 0}, {EQUALS, HIGH(2), 0}}},
    /* abort() */
    {SYS_tgkill, 2, {{IS_SELF, LOW(0), 0}, {EQUALS, LOW(2), SIGABRT}}},
    {SYS_tkill, 2, {{IS_SELF, LOW(0), 0}, {EQUALS, LOW(1), SIGABRT}}},
};

/* Not O_ACCMODE, which holds O_PATH with musl. */
static const struct rule reading_rules[] = {
    {SYS_openat, 1, {{HAS_NO_BIT_OF, LOW(2), O_WRONLY | O_RDWR | O_CREAT | O_TRUNC}}},
    {.call = SYS_fstat},
    {SYS_newfstatat, 1, {{EQUALS, LOW(3), AT_EMPTY_PATH}}},
};

static const struct rule removing_rules[] = {
#ifdef SYS_unlink
    {.call = SYS_unlink},
#endif
    {SYS_unlinkat, 1, {{EQUALS, LOW(2), 0}}},
    /* Is the file there still the one that was opened? */
    {.call = SYS_fstat},
    {SYS_newfstatat, 1, {{EQUALS, LOW(3), AT_EMPTY_PATH}}},
    {SYS_newfstatat, 1, {{EQUALS, LOW(3), AT_SYMLINK_NOFOLLOW}}},
#ifdef SYS_lstat
    {.call = SYS_lstat},
#endif
};

/* Files of the folder alone: they are opened beneath it, by names that the kernel would follow out
 * of it, but Landlock does not. What writes at an offset writes to files, not to sockets. */
static const struct rule writing_rules[] = {
    {.call = SYS_pwrite64},
    {.call = SYS_fdatasync},
    {.call = SYS_fsync},
    {.call = SYS_ftruncate},
    {.call = SYS_fallocate},
    {.call = SYS_fstat},
    {SYS_newfstatat, 1, {{EQUALS, LOW(3), AT_EMPTY_PATH}}},
    {SYS_openat, 1, {{IS_FOLDER, LOW(0), 0}}},
    {SYS_unlinkat, 2, {{IS_FOLDER, LOW(0), 0}, {EQUALS, LOW(2), 0}}},
#ifdef SYS_renameat
    {SYS_renameat, 2, {{IS_FOLDER, LOW(0), 0}, {IS_FOLDER, LOW(2), 0}}},
#endif
    {SYS_renameat2, 2, {{IS_FOLDER, LOW(0), 0}, {IS_FOLDER, LOW(2), 0}}},
    {SYS_write, 1, {{IS_EVENT, LOW(0), 0}}},
};

/* Stream sockets, and nothing else of them than their delay. Where they may lead to is Landlock's.
 */
static const struct rule connecting_rules[] = {
    {SYS_socket, 2, {{EQUALS, LOW(0), AF_INET}, {EQUALS, LOW(1), STREAM_TYPE}}},
    {SYS_socket, 2, {{EQUALS, LOW(0), AF_INET6}, {EQUALS, LOW(1), STREAM_TYPE}}},
    {SYS_socket, 2, {{EQUALS, LOW(0), AF_UNIX}, {EQUALS, LOW(1), STREAM_TYPE}}},
    {.call = SYS_connect},
    {SYS_setsockopt, 2, {{EQUALS, LOW(1), IPPROTO_TCP}, {EQUALS, LOW(2), TCP_NODELAY}}},
    {SYS_getsockopt, 2, {{EQUALS, LOW(1), SOL_SOCKET}, {EQUALS, LOW(2), SO_ERROR}}},
};

static const struct rule handing_rules[] = {
    {.call = SYS_recvmsg},
};

/* ---- the filter ---- */

#define FILTER_MAX 256

struct filter {
    const struct seccomp_needs *needs;
    struct instruction code[FILTER_MAX];
    unsigned short len;
};

static void seccomp_add(struct filter *f, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
    if (f->len < FILTER_MAX)
        f->code[f->len++] = (struct instruction){code, yes, no, value};
}

/* Instructions of a test, and of what follows the tests of a rule. */
#define TEST_LEN 2
#define END_LEN 2

/* What the argument must be equal to. */
static uint32_t test_value(const struct filter *f, const struct test *test)
{
    switch (test->check) {
    case IS_SELF:
        return (uint32_t)getpid();
    case IS_FOLDER:
        return (uint32_t)f->needs->folder;
    case IS_EVENT:
        return (uint32_t)f->needs->event;
    default:
        return test->value;
    }
}

/* Where the test fails, passes over so many instructions. */
static void add_test(struct filter *f, const struct test *test, uint32_t over)
{
    seccomp_add(f, LOAD, test->offset, 0, 0);
    if (test->check == HAS_NO_BIT_OF)
        seccomp_add(f, JUMP_IF_ANY_BIT, test->value, (uint8_t)over, 0);
    else
        seccomp_add(f, JUMP_IF_EQUAL, test_value(f, test), 0, (uint8_t)over);
}

/* Where a rule does not allow the call, one that follows may: it is loaded again then. */
static void add_rules(struct filter *f, const struct rule *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t tests = list[i].count;

        seccomp_add(f, JUMP_IF_EQUAL, list[i].call, 0, (uint8_t)(tests * TEST_LEN + END_LEN));
        for (uint32_t k = 0; k < tests; k++)
            add_test(f, &list[i].tests[k], (tests - 1 - k) * TEST_LEN + 1);
        seccomp_add(f, RETURN, RETURN_ALLOW, 0, 0);
        seccomp_add(f, LOAD, CALL, 0, 0);
    }
}

/* The calls of x32 carry a bit of their own and so are equal to none in the lists. */
static void build(struct filter *f, const struct seccomp_needs *needs)
{
    f->len = 0;
    f->needs = needs;
    seccomp_add(f, LOAD, MACHINE, 0, 0);
    seccomp_add(f, JUMP_IF_EQUAL, ARCHITECTURE, 1, 0);
    seccomp_add(f, RETURN, RETURN_KILL, 0, 0);
    seccomp_add(f, LOAD, CALL, 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(plain_calls); i++) {
        seccomp_add(f, JUMP_IF_EQUAL, plain_calls[i], 0, 1);
        seccomp_add(f, RETURN, RETURN_ALLOW, 0, 0);
    }
    add_rules(f, rules, ARRAY_LEN(rules));
    if (needs->reading)
        add_rules(f, reading_rules, ARRAY_LEN(reading_rules));
    if (needs->removing)
        add_rules(f, removing_rules, ARRAY_LEN(removing_rules));
    if (needs->writing)
        add_rules(f, writing_rules, ARRAY_LEN(writing_rules));
    if (needs->connecting)
        add_rules(f, connecting_rules, ARRAY_LEN(connecting_rules));
    if (needs->handing)
        add_rules(f, handing_rules, ARRAY_LEN(handing_rules));
    seccomp_add(f, RETURN, RETURN_EPERM, 0, 0);
}

int seccomp_enter(const struct seccomp_needs *needs)
{
    struct filter filter;
    struct program program;

    build(&filter, needs);
    program = (struct program){.len = filter.len, .code = filter.code};
    /* A thread that cannot be reached is told as its number. */
    return syscall(SYS_seccomp, SET_MODE_FILTER, ALL_THREADS, &program) == 0 ? 0 : -1;
}

#else

int seccomp_enter(const struct seccomp_needs *needs)
{
    (void)needs;
    errno = ENOSYS;
    return -1;
}

#endif
